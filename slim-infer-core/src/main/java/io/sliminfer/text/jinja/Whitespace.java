package io.sliminfer.text.jinja;

/** What Python's {@code str.isspace} calls white space; Java's own notions differ (no-break space, file separators). */
final class Whitespace {

    private Whitespace() {}

    static boolean is(char c) {
        return c <= ' '
                ? c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f)
                : c == 0x85
                        || c == 0xa0
                        || c == 0x1680
                        || (c >= 0x2000 && c <= 0x200a)
                        || c == 0x2028
                        || c == 0x2029
                        || c == 0x202f
                        || c == 0x205f
                        || c == 0x3000;
    }

    /** First position at or after {@code from} that is not white space. */
    static int skip(String text, int from) {
        int i = from;
        while (i < text.length() && is(text.charAt(i))) {
            i++;
        }
        return i;
    }

    /** End of the text before {@code end} without trailing white space. */
    static int trimmedEnd(String text, int end) {
        int i = end;
        while (i > 0 && is(text.charAt(i - 1))) {
            i--;
        }
        return i;
    }
}
