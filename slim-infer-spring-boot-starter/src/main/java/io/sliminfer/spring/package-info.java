/**
 * SlimInfer as a Spring AI chat model: maps Spring AI's prompts and options to {@link io.sliminfer.chat.ChatEngine} and its results
 * back, and observes; no inference logic. Start at {@link io.sliminfer.spring.SlimInferChatModel}.
 */
@NullMarked
package io.sliminfer.spring;

import org.jspecify.annotations.NullMarked;
