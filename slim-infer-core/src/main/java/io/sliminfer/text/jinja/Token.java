package io.sliminfer.text.jinja;

/**
 * A piece of template source.
 *
 * @param text characters of data and names, value of strings, digits of numbers, the operator itself
 * @param line counted from 1
 */
record Token(Kind kind, String text, int line) {

    enum Kind {
        DATA,
        TAG_BEGIN,
        TAG_END,
        PRINT_BEGIN,
        PRINT_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Kind wanted, String wantedText) {
        return kind == wanted && text.equals(wantedText);
    }

    /** For messages. */
    String describe() {
        switch (kind) {
            case TAG_END:
                return "'%}'";
            case PRINT_END:
                return "'}}'";
            case END:
            case DATA:
                return "the end of the tag";
            default:
                return "'" + text + "'";
        }
    }
}
