/**
 * Text on both sides of a model: chat templates to prompts, prompts to ids, ids to streamed text. Start at
 * {@link io.sliminfer.text.ChatTemplate} and {@link io.sliminfer.text.Tokenizer}. May use {@code text.jinja} and {@code format}.
 */
@NullMarked
package io.sliminfer.text;

import org.jspecify.annotations.NullMarked;
