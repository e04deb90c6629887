package io.sliminfer.chat;

import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;

/**
 * How an answer ended.
 *
 * @param text the whole answer
 */
public record ChatResult(String text, FinishReason finishReason, GenerationReport report) {}
