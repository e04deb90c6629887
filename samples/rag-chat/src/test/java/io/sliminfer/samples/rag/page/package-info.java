/** The page in a real Chromium. Skipped, with the reason, where none is installed; {@code -Dbrowser.required=true} fails instead. */
@NullMarked
package io.sliminfer.samples.rag.page;

import org.jspecify.annotations.NullMarked;
