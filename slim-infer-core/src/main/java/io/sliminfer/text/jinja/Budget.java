package io.sliminfer.text.jinja;

/**
 * What one rendering may use, so that a hostile template can neither hang nor exhaust the JVM. Work is counted in characters read
 * or written and in list elements visited, which also bounds the memory that all values together can take.
 */
final class Budget {

    /** Enough for each character of a long conversation to be copied many times. */
    static final long WORK_MAX = 128L << 20;

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
        left -= work;
        if (left < 0 || work < 0) {
            left = -1;
            throw new TemplateException(
                    "the template does more work than is allowed (" + max + " characters and list elements)");
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
