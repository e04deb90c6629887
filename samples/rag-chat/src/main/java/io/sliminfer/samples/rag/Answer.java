package io.sliminfer.samples.rag;

import java.util.List;

/**
 * A whole answer.
 *
 * @param text    what the model wrote
 * @param sources passages that were put before the model, the best match first
 * @param report  what it cost
 */
public record Answer(String text, List<Source> sources, AnswerReport report) {}
