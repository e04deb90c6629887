/**
 * Chat on top of the engine: messages to prompt ids, ids to text, thinking and tool calls, stop strings. What the Spring module and
 * the benchmarks use. Start at {@link io.sliminfer.chat.ChatEngine}. May use {@code chat.tools}, {@code engine}, {@code text} and {@code format}.
 */
@NullMarked
package io.sliminfer.chat;

import org.jspecify.annotations.NullMarked;
