/** Tests samples/dashboards: its queries against a real Prometheus that scrapes this application. Start at {@code DashboardsIT}. */
@NullMarked
package io.sliminfer.samples.rag.dashboards;

import org.jspecify.annotations.NullMarked;
