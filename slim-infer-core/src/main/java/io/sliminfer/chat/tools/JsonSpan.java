package io.sliminfer.chat.tools;

/** Where a JSON object or array that comes piece by piece ends: at the bracket that closes its first one, outside of strings. */
final class JsonSpan {

    private int depth;
    private boolean inString;
    private boolean escaped;

    /** The position behind the value's end in {@code text}, or -1 if it goes on. */
    int append(String text, int from) {
        for (int at = from; at < text.length(); at++) {
            char c = text.charAt(at);
            if (inString) {
                inString = escaped || c != '"';
                escaped = !escaped && c == '\\';
                continue;
            }
            switch (c) {
                case '"' -> inString = true;
                case '{', '[' -> depth++;
                case '}', ']' -> {
                    if (--depth <= 0) {
                        return at + 1;
                    }
                }
                default -> {}
            }
        }
        return -1;
    }

    /** Whether what comes next is within a string, where marks are only text. */
    boolean isInString() {
        return inString;
    }
}
