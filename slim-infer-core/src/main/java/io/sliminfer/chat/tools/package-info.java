/**
 * Tool calls in the answers of models: which form a model writes them in, by its chat template, and how they are read from its answer
 * as it comes. Start at {@link io.sliminfer.chat.tools.ToolFormat}. May use {@code text}.
 */
@NullMarked
package io.sliminfer.chat.tools;

import org.jspecify.annotations.NullMarked;
