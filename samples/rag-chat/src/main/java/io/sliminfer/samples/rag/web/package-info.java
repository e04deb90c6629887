/** What the page asks for: an answer as a stream, and what answers. The page itself is in {@code static/}. */
@NullMarked
package io.sliminfer.samples.rag.web;

import org.jspecify.annotations.NullMarked;
