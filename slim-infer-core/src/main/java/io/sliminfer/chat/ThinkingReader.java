package io.sliminfer.chat;

import io.sliminfer.text.MarkedTextDecoder;
import java.util.function.Consumer;

/**
 * Splits an answer into what was thought first and the rest. Marks count at the beginning only; a later one is text. White space at
 * both ends of the thinking and before the answer belongs to neither. One thread at a time.
 */
final class ThinkingReader implements MarkedTextDecoder.Reader {

    private enum At {
        /** Nothing but white space so far. */
        START,
        THINKING,
        /** Behind the closing mark: nothing but white space so far. */
        CLOSED,
        ANSWER
    }

    private final ThinkingMarks marks;
    private final Consumer<String> thinking;
    private final MarkedTextDecoder.Reader answer;
    private final StringBuilder space = new StringBuilder();
    private final boolean whole;
    private boolean hasThought;
    private At at;

    /**
     * @param open  whether the prompt ended with the opening mark
     * @param whole whether marks and white space are told as part of the thinking
     */
    ThinkingReader(
            ThinkingMarks marks,
            boolean open,
            boolean whole,
            Consumer<String> thinking,
            MarkedTextDecoder.Reader answer) {
        this.marks = marks;
        this.whole = whole;
        this.at = open ? At.THINKING : At.START;
        if (whole && open) {
            space.append(marks.open()).append('\n');
        }
        this.thinking = thinking;
        this.answer = answer;
    }

    @Override
    public void text(String text) {
        switch (at) {
            case THINKING -> think(text);
            case ANSWER -> answer.text(text);
            default -> {
                space.append(text);
                if (!text.isBlank()) {
                    startAnswer();
                }
            }
        }
    }

    private void think(String text) {
        if (whole) {
            thinking.accept(space + text);
            space.setLength(0);
            return;
        }
        String visible = text.stripTrailing();
        if (!visible.isEmpty()) {
            thinking.accept(hasThought ? space + visible : visible.stripLeading());
            hasThought = true;
            space.setLength(0);
        }
        space.append(text, visible.length(), text.length());
    }

    /** Gives out what was held back: all of it if there was no thinking before. */
    private void startAnswer() {
        String held = at == At.CLOSED ? space.toString().stripLeading() : space.toString();
        space.setLength(0);
        at = At.ANSWER;
        if (!held.isEmpty()) {
            answer.text(held);
        }
    }

    @Override
    public void mark(String mark, boolean token) {
        if (at == At.START && mark.equals(marks.open())) {
            at = At.THINKING;
            if (whole) {
                think(mark);
            }
            space.setLength(0);
        } else if (at == At.THINKING && mark.equals(marks.close())) {
            if (whole) {
                think(mark);
            }
            at = whole ? At.ANSWER : At.CLOSED;
            space.setLength(0);
        } else if (at == At.THINKING) {
            think(mark);
        } else {
            startAnswer();
            if (marks.all().contains(mark)) {
                answer.text(mark);
            } else {
                answer.mark(mark, token);
            }
        }
    }

    void finish() {
        if (at == At.START) {
            startAnswer();
        }
    }
}
