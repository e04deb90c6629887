package io.sliminfer.text.jinja;

/**
 * What one rendering may use, so that a hostile template can neither hang nor exhaust the JVM. Work is counted in characters read
 * or written and in list elements visited, which also bounds the memory that all values together can take.
 */
final class Budget {

    /** Enough for each character of a long conversation to be copied many times. */
    static final long WORK_MAX = 64L << 20;

    /** A list element takes about this many times the memory of a character. */
    static final int WORK_PER_ELEMENT = 32;

    /** Running a statement or starting a loop's turn takes about this many times the time of copying a character. */
    static final int WORK_PER_STATEMENT = 16;

    /** Needles up to here are found about as fast as the text is read. */
    static final int SHORT_NEEDLE = 64;

    static final long WORK_PER_DATA_CHARACTER = 64;
    static final int OUTPUT_MAX = 64 << 20;
    static final int DEPTH_MAX = 100;

    private final long max;
    private long left;
    private int depth;

    Budget(long dataCharacters) {
        this.max = WORK_MAX + WORK_PER_DATA_CHARACTER * dataCharacters;
        this.left = max;
    }

    void spend(long work) {
        left = work < 0 || work > left ? -1 : left - work;
        if (left < 0) {
            throw new TemplateException("the template does more work than is allowed (" + max
                    + " characters read or written; a list element counts as " + WORK_PER_ELEMENT + ")");
        }
    }

    void spendStatement() {
        spend(WORK_PER_STATEMENT);
    }

    void spendElements(long elements) {
        spend(elements > Long.MAX_VALUE / WORK_PER_ELEMENT ? Long.MAX_VALUE : elements * WORK_PER_ELEMENT);
    }

    /** A search reads the text once, but a long needle may nearly match everywhere. */
    void spendSearch(Text text, Text needle) {
        spend(text.length() + 1L);
        if (needle.length() > SHORT_NEEDLE) {
            spend((long) text.length() * (needle.length() / SHORT_NEEDLE));
        }
    }

    void checkOutput(long length) {
        if (length > OUTPUT_MAX) {
            throw new TemplateException("the template's output is longer than " + OUTPUT_MAX + " characters");
        }
    }

    void enter(String what) {
        if (++depth > DEPTH_MAX) {
            throw new TemplateException(what + ": calls are nested deeper than " + DEPTH_MAX);
        }
    }

    void leave() {
        depth--;
    }
}
