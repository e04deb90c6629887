/**
 * From files to passages that can be searched by meaning: read ({@link io.sliminfer.samples.rag.ingest.DocumentFolder}), split
 * ({@link io.sliminfer.samples.rag.ingest.PassageSplitter}), embed and store ({@link io.sliminfer.samples.rag.ingest.PassageIndex}).
 * Knows nothing of chat models.
 */
@NullMarked
package io.sliminfer.samples.rag.ingest;

import org.jspecify.annotations.NullMarked;
