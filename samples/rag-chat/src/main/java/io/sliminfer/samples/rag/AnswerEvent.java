package io.sliminfer.samples.rag;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** One step of a streamed answer: the sources once, then pieces of text, then the report once. */
public sealed interface AnswerEvent {

    record Sources(List<Source> sources) implements AnswerEvent {}

    record Text(String text) implements AnswerEvent {}

    /** @param prompt null if the application was not told to show prompts, see {@code slim-infer.chat.include-prompt-blocks} */
    record Finished(AnswerReport report, @Nullable PromptStrip prompt) implements AnswerEvent {}
}
