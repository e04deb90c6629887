package io.sliminfer.chat;

import io.sliminfer.chat.tools.ToolCall;
import io.sliminfer.chat.tools.ToolCallReader;
import io.sliminfer.chat.tools.ToolFormat;
import io.sliminfer.text.MarkedTextDecoder;
import io.sliminfer.text.StopStrings;
import io.sliminfer.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * From the ids of one answer to thinking, text and tool calls. Stop strings are looked for in the text alone: one within a call's
 * arguments is part of them. One thread at a time.
 */
final class AnswerReader {

    /** What is told of an answer; the same as by a {@link ChatListener}, and what went wrong with a call. */
    interface Output extends ToolCallReader.Output {

        void thinking(String text);
    }

    /**
     * What the answers to one request may hold.
     *
     * @param tools        form of the calls, or null if the request has no tools
     * @param thinking     marks of a thinking model, or null
     * @param thinkingOpen whether the prompt ended with the opening mark
     */
    record Settings(
            List<String> stop,
            @Nullable ToolFormat tools,
            @Nullable ThinkingMarks thinking,
            boolean thinkingOpen,
            ThinkingMode mode) {

        /** Text and nothing else. */
        static Settings plain(List<String> stop) {
            return new Settings(stop, null, null, false, ThinkingMode.SEPARATE);
        }
    }

    private final MarkedTextDecoder decoder;
    private final StopStrings stops;
    private final Output out;
    private final List<Runnable> ends = new ArrayList<>();

    AnswerReader(Tokenizer tokenizer, Settings settings, Output out) {
        this.stops = new StopStrings(settings.stop());
        this.out = out;
        List<String> marks = new ArrayList<>();
        MarkedTextDecoder.Reader reader = answer(settings.tools(), marks);
        if (settings.thinking() != null) {
            marks.addAll(settings.thinking().all());
            ThinkingReader thinking = new ThinkingReader(
                    settings.thinking(),
                    settings.thinkingOpen(),
                    settings.mode() == ThinkingMode.INLINE,
                    thoughts(settings.mode()),
                    reader);
            ends.add(0, thinking::finish);
            reader = thinking;
        }
        this.decoder = tokenizer.newMarkedDecoder(marks, reader);
    }

    private MarkedTextDecoder.Reader answer(@Nullable ToolFormat tools, List<String> marks) {
        if (tools == null) {
            return new Plain(this::text);
        }
        marks.addAll(tools.marks());
        ToolCallReader reader = tools.newReader(new CallsAndText());
        ends.add(reader::finish);
        return reader;
    }

    private Consumer<String> thoughts(ThinkingMode mode) {
        return switch (mode) {
            case SEPARATE -> out::thinking;
            case INLINE -> this::text;
            case DISCARD -> text -> {};
        };
    }

    void append(int id) {
        decoder.append(id);
    }

    /** Tells what was held back. Nothing may be appended afterwards. */
    void finish() {
        decoder.finish();
        ends.forEach(Runnable::run);
        show(stops.finish());
    }

    /** Whether a stop string was reached. */
    boolean isStopped() {
        return stops.isStopped();
    }

    private void text(String text) {
        show(stops.append(text));
    }

    private void show(String text) {
        if (!text.isEmpty()) {
            out.text(text);
        }
    }

    /** An answer in which no mark means anything. */
    private record Plain(Consumer<String> out) implements MarkedTextDecoder.Reader {

        @Override
        public void text(String text) {
            out.accept(text);
        }

        @Override
        public void mark(String mark, boolean token) {
            out.accept(mark);
        }
    }

    /** What follows a stop string is no part of the answer. */
    private final class CallsAndText implements ToolCallReader.Output {

        @Override
        public void text(String text) {
            AnswerReader.this.text(text);
        }

        @Override
        public void call(ToolCall call) {
            if (!stops.isStopped()) {
                out.call(call);
            }
        }

        @Override
        public void malformed(String problem) {
            if (!stops.isStopped()) {
                out.malformed(problem);
            }
        }
    }
}
