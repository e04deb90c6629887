/**
 * A Spring Boot application that answers questions from a folder of documents: {@code ingest} makes searchable passages of the files,
 * {@link io.sliminfer.samples.rag.DocumentAssistant} retrieves and asks, {@code web} serves the page. Start at
 * {@link io.sliminfer.samples.rag.RagConfiguration}, which puts the parts together.
 */
@NullMarked
package io.sliminfer.samples.rag;

import org.jspecify.annotations.NullMarked;
