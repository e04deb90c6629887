package io.sliminfer.text.jinja;

import java.util.Arrays;

/** Joins texts and keeps track of their origin. */
final class TextBuilder {

    private final StringBuilder chars = new StringBuilder();
    private int[] runs = new int[8];
    private int used;

    TextBuilder append(Text text) {
        return append(text, 0, text.length());
    }

    /** Appends the characters from {@code from} (inclusive) to {@code to} (exclusive), in UTF-16 units. */
    TextBuilder append(Text text, int from, int to) {
        int shift = chars.length() - from;
        int[] source = text.runs();
        for (int i = text.firstRunEndingAfter(from); i < source.length && source[i] < to; i += 2) {
            addRun(Math.max(source[i], from) + shift, Math.min(source[i + 1], to) + shift);
        }
        chars.append(text.chars(), from, to);
        return this;
    }

    TextBuilder append(String text, boolean trusted) {
        if (trusted && !text.isEmpty()) {
            addRun(chars.length(), chars.length() + text.length());
        }
        chars.append(text);
        return this;
    }

    /** Appends characters that did not come from the template's text. */
    TextBuilder append(String text) {
        return append(text, false);
    }

    int length() {
        return chars.length();
    }

    Text toText() {
        return chars.isEmpty() ? Text.EMPTY : new Text(chars.toString(), Arrays.copyOf(runs, used));
    }

    private void addRun(int start, int end) {
        if (used > 0 && runs[used - 1] == start) {
            runs[used - 1] = end;
            return;
        }
        if (used == runs.length) {
            runs = Arrays.copyOf(runs, used * 2);
        }
        runs[used++] = start;
        runs[used++] = end;
    }
}
