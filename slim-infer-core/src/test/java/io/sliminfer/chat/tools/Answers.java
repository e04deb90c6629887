package io.sliminfer.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

/** Reads an answer piece by piece, cut at every place. */
final class Answers {

    /**
     * What was told of an answer.
     *
     * @param calls    {@code name arguments}, in order
     * @param problems of calls that cannot be read
     */
    record Read(String text, List<String> calls, List<String> problems, List<String> ids) {

        @Override
        public boolean equals(Object other) { // ids are random
            return other instanceof Read that
                    && text.equals(that.text)
                    && calls.equals(that.calls)
                    && problems.equals(that.problems);
        }

        @Override
        public int hashCode() {
            return text.hashCode();
        }
    }

    private Answers() {}

    /**
     * The answer in pieces of 1, 2, 3, 7 characters and as a whole: all give the same.
     *
     * @param tokens whether marks are tokens; an answer then marks them as they are, and escapes those that are spelled by a backslash
     */
    static Read read(ToolFormat format, boolean tokens, String answer) {
        Read whole = read(format, tokens, answer, Integer.MAX_VALUE);
        for (int size : new int[] {1, 2, 3, 7}) {
            assertThat(read(format, tokens, answer, size))
                    .as("in pieces of %d", size)
                    .isEqualTo(whole);
        }
        return whole;
    }

    private static Read read(ToolFormat format, boolean tokens, String answer, int size) {
        StringBuilder text = new StringBuilder();
        List<String> calls = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        List<String> ids = new ArrayList<>();
        ToolCallReader reader = format.newReader(new ToolCallReader.Output() {
            @Override
            public void text(String piece) {
                assertThat(piece).isNotEmpty();
                text.append(piece);
            }

            @Override
            public void call(ToolCall call) {
                calls.add(call.name() + " " + call.arguments());
                ids.add(call.id());
            }

            @Override
            public void malformed(String problem) {
                problems.add(problem);
            }
        });
        int done = 0;
        while (done < answer.length()) {
            String mark = markAt(format, answer, done);
            if (mark != null) {
                reader.mark(mark, tokens);
                done += mark.length();
                continue;
            }
            int end = done + 1;
            while (end < answer.length() && end - done < size && markAt(format, answer, end) == null) {
                end++;
            }
            reader.text(answer.substring(done, end));
            done = end;
        }
        reader.finish();
        return new Read(text.toString(), calls, problems, ids);
    }

    private static String markAt(ToolFormat format, String answer, int at) {
        for (String mark : format.marks()) {
            if (answer.startsWith(mark, at)) {
                return mark;
            }
        }
        return null;
    }
}
