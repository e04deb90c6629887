package io.sliminfer.text.jinja;

import io.sliminfer.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a template into tokens, with white space handled as transformers sets Jinja up: {@code trim_blocks} (the newline after a
 * block tag goes), {@code lstrip_blocks} (spaces before a block tag that starts a line go), {@code -} and {@code +} at tags.
 */
final class Lexer {

    private static final String[] OPERATORS = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",", ";"
    };

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int line = 1;
    private int lineCountedTo;

    /** Whether the last tag swallowed the end of its line, so that what follows starts one. */
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        Lexer lexer = new Lexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source);
        lexer.template();
        return lexer.tokens;
    }

    private void template() {
        while (position < source.length()) {
            int tag = nextTag(position);
            if (tag < 0) {
                data(source.substring(position));
                position = source.length();
                break;
            }
            char kind = source.charAt(tag + 1);
            int afterSign = tag + 2 + (sign(tag + 2) == 0 ? 0 : 1);
            data(stripped(source.substring(position, tag), sign(tag + 2), kind != '{'));
            position = afterSign;
            if (kind == '#') {
                comment(tag);
            } else if (kind == '{') {
                add(Kind.PRINT_BEGIN, "{{", tag);
                expression(false);
            } else if (!raw(tag)) {
                add(Kind.TAG_BEGIN, "{%", tag);
                expression(true);
            }
        }
        add(Kind.END, "", source.length());
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '%' || next == '{' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    private char sign(int at) {
        char c = at < source.length() ? source.charAt(at) : 0;
        return c == '-' || c == '+' ? c : 0;
    }

    private String stripped(String text, char sign, boolean block) {
        if (sign == '-') {
            return text.substring(0, Whitespace.trimmedEnd(text, text.length()));
        }
        if (sign == 0 && block) {
            int lineStart = text.lastIndexOf('\n') + 1;
            if ((lineStart > 0 || lineStarting) && Whitespace.skip(text, lineStart) == text.length()) {
                return text.substring(0, lineStart);
            }
        }
        return text;
    }

    private void comment(int tag) {
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw syntax(tag, "the comment is never closed: '#}' is missing");
        }
        char sign = end > position ? sign(end - 1) : 0;
        position = end + 2;
        afterTag(sign, true);
    }

    /** Skips what a tag's end takes with it. */
    private void afterTag(char sign, boolean block) {
        int end = position;
        if (sign == '-') {
            position = Whitespace.skip(source, position);
        } else if (sign != '+' && block && source.startsWith("\n", position)) {
            position++;
        }
        lineStarting = position > end && source.charAt(position - 1) == '\n';
    }

    private boolean raw(int tag) {
        int begin = wordEnd(position, "raw");
        int[] close = begin < 0 ? null : tagEnd(begin);
        if (close == null) {
            return false;
        }
        // Unlike other tags, {% raw %} keeps the newline behind it.
        int contentStart = close[1] == '-' ? Whitespace.skip(source, close[0]) : close[0];
        lineStarting = contentStart > close[0] && source.charAt(contentStart - 1) == '\n';
        for (int i = source.indexOf("{%", contentStart); i >= 0; i = source.indexOf("{%", i + 1)) {
            char sign = sign(i + 2);
            int word = wordEnd(i + 2 + (sign == 0 ? 0 : 1), "endraw");
            int[] end = word < 0 ? null : tagEnd(word);
            if (end != null) {
                position = contentStart;
                data(stripped(source.substring(contentStart, i), sign, true));
                position = end[0];
                afterTag((char) end[1], true);
                return true;
            }
        }
        throw syntax(tag, "{% raw %} is never closed: {% endraw %} is missing");
    }

    private int wordEnd(int from, String word) {
        int start = Whitespace.skip(source, from);
        int end = start + word.length();
        return source.startsWith(word, start) && !(end < source.length() && isNamePart(source.charAt(end))) ? end : -1;
    }

    /** Position after {@code %}} and the sign before it, or null if something else comes first. */
    private int @org.jspecify.annotations.Nullable [] tagEnd(int from) {
        int at = Whitespace.skip(source, from);
        char sign = sign(at);
        at += sign == 0 ? 0 : 1;
        return source.startsWith("%}", at) ? new int[] {at + 2, sign} : null;
    }

    /** Tokens up to the tag's end. Brackets are counted, because {@code }}} may also close two dicts. */
    private void expression(boolean block) {
        int tag = position;
        StringBuilder open = new StringBuilder();
        String end = block ? "%}" : "}}";
        while (true) {
            position = Whitespace.skip(source, position);
            if (position >= source.length()) {
                throw syntax(tag, "the tag is never closed: '" + end + "' is missing");
            }
            char c = source.charAt(position);
            if (open.length() == 0) {
                char sign = sign(position) != 0 && source.startsWith(end, position + 1) ? c : 0;
                if (sign == '+' && !block) {
                    sign = 0;
                }
                if (sign != 0 || source.startsWith(end, position)) {
                    add(block ? Kind.TAG_END : Kind.PRINT_END, end, position);
                    position += sign == 0 ? 2 : 3;
                    afterTag(sign, block);
                    return;
                }
            }
            if (c == '\'' || c == '"') {
                string(c);
            } else if (c >= '0' && c <= '9') {
                number();
            } else if (Character.isUnicodeIdentifierStart(c) || c == '_') {
                int start = position;
                while (position < source.length() && isNamePart(source.charAt(position))) {
                    position++;
                }
                add(Kind.NAME, source.substring(start, position), start);
            } else {
                operator(open);
            }
        }
    }

    private static boolean isNamePart(char c) {
        return Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c);
    }

    private void string(char quote) {
        int start = position;
        int end = start + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw syntax(start, "the string is never closed");
        }
        position = end + 1;
        add(Kind.STRING, StringEscapes.resolve(source.substring(start + 1, end), lineOf(start)), start);
    }

    private void number() {
        int start = position;
        digits();
        boolean afterDot = start > 0 && source.charAt(start - 1) == '.';
        boolean real = false;
        if (!afterDot && position + 1 < source.length() && source.charAt(position) == '.' && isDigit(position + 1)) {
            position++;
            digits();
            real = true;
        }
        if (!afterDot && position < source.length() && (source.charAt(position) | 0x20) == 'e') {
            int exponent = position + 1 + (sign(position + 1) == 0 ? 0 : 1);
            if (isDigit(exponent)) {
                position = exponent;
                digits();
                real = true;
            }
        }
        add(real ? Kind.FLOAT : Kind.INTEGER, source.substring(start, position).replace("_", ""), start);
    }

    private void digits() {
        while (isDigit(position)
                || (position < source.length() && source.charAt(position) == '_' && isDigit(position + 1))) {
            position++;
        }
    }

    private boolean isDigit(int at) {
        return at < source.length() && source.charAt(at) >= '0' && source.charAt(at) <= '9';
    }

    private void operator(StringBuilder open) {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, position)) {
                char c = operator.charAt(0);
                if (c == '(' || c == '[' || c == '{') {
                    open.append(c == '(' ? ')' : c == '[' ? ']' : '}');
                } else if (c == ')' || c == ']' || c == '}') {
                    if (open.length() == 0 || open.charAt(open.length() - 1) != c) {
                        throw syntax(position, "unexpected '" + c + "'");
                    }
                    open.setLength(open.length() - 1);
                }
                add(Kind.OPERATOR, operator, position);
                position += operator.length();
                return;
            }
        }
        throw syntax(position, "unexpected character '" + Character.toString(source.codePointAt(position)) + "'");
    }

    private void data(String text) {
        if (!text.isEmpty()) {
            add(Kind.DATA, text, position);
        }
    }

    private void add(Kind kind, String text, int at) {
        tokens.add(new Token(kind, text, lineOf(at)));
    }

    private int lineOf(int at) {
        if (at < lineCountedTo) {
            line = 1;
            lineCountedTo = 0;
        }
        for (; lineCountedTo < at; lineCountedTo++) {
            if (source.charAt(lineCountedTo) == '\n') {
                line++;
            }
        }
        return line;
    }

    private TemplateException syntax(int at, String problem) {
        return new TemplateException(problem).at(lineOf(at));
    }
}
