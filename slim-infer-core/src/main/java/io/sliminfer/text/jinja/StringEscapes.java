package io.sliminfer.text.jinja;

/** Backslash escapes of Python's string literals. Unknown ones stay as they are written, as in Python. */
final class StringEscapes {

    private StringEscapes() {}

    static String resolve(String literal, int line) {
        if (literal.indexOf('\\') < 0) {
            return literal;
        }
        StringBuilder text = new StringBuilder(literal.length());
        for (int i = 0; i < literal.length(); ) {
            char c = literal.charAt(i);
            if (c != '\\' || i + 1 == literal.length()) {
                text.append(c);
                i++;
            } else {
                i = escape(literal, i + 1, text, line);
            }
        }
        return text.toString();
    }

    private static int escape(String literal, int at, StringBuilder text, int line) {
        char c = literal.charAt(at);
        int simple = "ntrbfva0\\'\"".indexOf(c);
        if (c >= '0' && c <= '7') {
            int end = at;
            while (end < literal.length() && end < at + 3 && literal.charAt(end) >= '0' && literal.charAt(end) <= '7') {
                end++;
            }
            text.append((char) Integer.parseInt(literal.substring(at, end), 8));
            return end;
        }
        if (simple >= 0) {
            text.append("\n\t\r\b\f\u000b\u0007\0\\'\"".charAt(simple));
            return at + 1;
        }
        if (c == '\n') {
            return at + 1;
        }
        int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        if (digits > 0) {
            int end = at + 1 + digits;
            try {
                text.appendCodePoint(Integer.parseInt(literal.substring(at + 1, end), 16));
            } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                throw new TemplateException("'\\" + c + "' needs " + digits + " hexadecimal digits").at(line);
            }
            return end;
        }
        if (c == 'N') {
            throw new TemplateException("character names ('\\N{…}') are not supported").at(line);
        }
        text.append('\\').append(c);
        return at + 1;
    }
}
