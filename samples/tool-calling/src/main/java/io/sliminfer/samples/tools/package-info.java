/**
 * A Spring Boot application whose model calls Java methods: {@link io.sliminfer.samples.tools.Warehouse} has the methods,
 * {@link io.sliminfer.samples.tools.ToolCallingApplication} asks.
 */
@NullMarked
package io.sliminfer.samples.tools;

import org.jspecify.annotations.NullMarked;
