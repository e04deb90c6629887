/** The page's one endpoint, which streams an answer. The page itself is in {@code static/}. */
@NullMarked
package io.sliminfer.samples.rag.web;

import org.jspecify.annotations.NullMarked;
