package io.sliminfer.text.jinja;

/**
 * A string that knows which of its characters the template's author wrote (trusted) and which came from data (not trusted).
 * Immutable; equality and order are those of the characters alone.
 */
public final class Text implements Comparable<Text> {

    static final Text EMPTY = new Text("", new int[0]);

    private static final int[] NONE = {};

    private final String chars;

    /** Trusted runs as start, end, start, end, …: ascending, not empty, not touching. */
    private final int[] trusted;

    Text(String chars, int[] trusted) {
        this.chars = chars;
        this.trusted = trusted;
    }

    /** A text that counts as the template author's own. */
    public static Text trusted(String chars) {
        return chars.isEmpty() ? EMPTY : new Text(chars, new int[] {0, chars.length()});
    }

    static Text untrusted(String chars) {
        return chars.isEmpty() ? EMPTY : new Text(chars, NONE);
    }

    /** The characters. */
    public String chars() {
        return chars;
    }

    /** Trusted runs as start (inclusive), end (exclusive), start, end, … in UTF-16 units, ascending and not touching. */
    public int[] trustedRuns() {
        return trusted.clone();
    }

    int length() {
        return chars.length();
    }

    boolean isEmpty() {
        return chars.isEmpty();
    }

    /** Number of Unicode characters, which is what Python counts. */
    int codePoints() {
        return chars.codePointCount(0, chars.length());
    }

    /** Position in UTF-16 units of a Unicode character. */
    int offset(int codePoint) {
        return chars.offsetByCodePoints(0, codePoint);
    }

    Text slice(int from, int to) {
        if (from >= to) {
            return EMPTY;
        }
        if (from == 0 && to == chars.length()) {
            return this;
        }
        TextBuilder slice = new TextBuilder();
        slice.append(this, from, to);
        return slice.toText();
    }

    Text plus(Text other) {
        if (isEmpty()) {
            return other;
        }
        return other.isEmpty()
                ? this
                : new TextBuilder().append(this).append(other).toText();
    }

    /** Index of the first run that ends after {@code position}, as an index of its start in the array of runs. */
    int firstRunEndingAfter(int position) {
        int low = 0;
        int high = trusted.length / 2;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (trusted[2 * middle + 1] > position) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return 2 * low;
    }

    int[] runs() {
        return trusted;
    }

    /** Whether all characters have the same origin. */
    boolean isUniform() {
        return trusted.length == 0 || (trusted.length == 2 && trusted[0] == 0 && trusted[1] == chars.length());
    }

    boolean startsTrusted() {
        return trusted.length > 0 && trusted[0] == 0;
    }

    @Override
    public int compareTo(Text other) {
        String a = chars;
        String b = other.chars;
        int common = Math.min(a.length(), b.length());
        int i = 0;
        while (i < common && a.charAt(i) == b.charAt(i)) {
            i++;
        }
        if (i == common) {
            return Integer.compare(a.length(), b.length());
        }
        // Python orders by code point, where surrogate pairs come after all other characters.
        if (i > 0 && Character.isHighSurrogate(a.charAt(i - 1))) {
            i--;
        }
        return Integer.compare(a.codePointAt(i), b.codePointAt(i));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Text text && chars.equals(text.chars);
    }

    @Override
    public int hashCode() {
        return chars.hashCode();
    }

    @Override
    public String toString() {
        return chars;
    }
}
