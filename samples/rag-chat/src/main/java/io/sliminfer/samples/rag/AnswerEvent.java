package io.sliminfer.samples.rag;

import java.util.List;

/** One step of a streamed answer: the sources once, then pieces of text, then the report once. */
public sealed interface AnswerEvent {

    record Sources(List<Source> sources) implements AnswerEvent {}

    record Text(String text) implements AnswerEvent {}

    record Finished(AnswerReport report) implements AnswerEvent {}
}
