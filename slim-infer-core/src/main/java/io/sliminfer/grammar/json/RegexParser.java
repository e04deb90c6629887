package io.sliminfer.grammar.json;

import java.util.ArrayList;
import java.util.List;

/**
 * The regular expressions of JSON Schema's {@code pattern} (ECMA-262), as far as they are regular: no look-around, no back
 * references, no word boundaries, and anchors only at the ends of an alternative. A pattern without anchors may match anywhere in a
 * text. Where dialects differ in what a class holds, what all of them take is taken: {@code \s} is ASCII white space, {@code \S}
 * none of Unicode's, {@code .} no line terminator of any of them.
 */
final class RegexParser {

    private static final int DEPTH_MAX = 100;

    private static final CharRanges DIGITS = CharRanges.of('0', '9');
    private static final CharRanges WORD =
            DIGITS.or(CharRanges.of('a', 'z')).or(CharRanges.of('A', 'Z')).or(CharRanges.of("_"));
    private static final CharRanges SPACE = CharRanges.of(" \t\n\u000b\f\r");
    private static final CharRanges NOT_SPACE = SPACE.or(
                    CharRanges.of("\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff\u180e"))
            .or(CharRanges.of(0x2000, 0x200a))
            .or(CharRanges.of(0x1c, 0x1f))
            .not();
    private static final CharRanges DOT =
            CharRanges.of("\n\r\u0085\u2028\u2029").not();
    private static final Regex ANYTHING = Regex.any(Regex.chars(CharRanges.ALL));

    private final String pattern;
    private int at;
    private int depth;

    private RegexParser(String pattern) {
        this.pattern = pattern;
    }

    /**
     * Texts in which the pattern is found.
     *
     * @throws IllegalArgumentException saying what in the pattern is not supported, and where
     */
    static Regex parse(String pattern) {
        RegexParser parser = new RegexParser(pattern);
        Regex found = parser.alternatives(true, true);
        if (parser.at < pattern.length()) {
            throw parser.unsupported("a ')' without a '('");
        }
        return found;
    }

    /** Texts that are what the expression describes from start to end; for expressions of our own. */
    static Regex whole(String expression) {
        return parse("^(?:" + expression + ")$");
    }

    /**
     * @param first whether nothing of the pattern comes before
     * @param last  whether nothing of the pattern comes after
     */
    private Regex alternatives(boolean first, boolean last) {
        if (++depth > DEPTH_MAX) {
            throw unsupported("groups that nest deeper than " + DEPTH_MAX);
        }
        List<Regex> alternatives = new ArrayList<>();
        do {
            alternatives.add(alternative(first, last));
        } while (accept('|'));
        depth--;
        return Regex.choice(alternatives);
    }

    private Regex alternative(boolean first, boolean last) {
        List<Regex> parts = new ArrayList<>();
        boolean anchored = false;
        if (peek('^')) {
            if (!first) {
                throw unsupported("'^' that is not at the start");
            }
            at++;
            anchored = true;
        }
        boolean open = first && !anchored; // text may come before
        boolean ends = false;
        boolean groupEnds = false; // the last part is a group that says itself what may follow
        boolean groupStarts = false;
        while (at < pattern.length() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
            if (peek('$')) {
                if (!last) {
                    throw unsupported("'$' that is not at the end");
                }
                at++;
                ends = true;
                if (at < pattern.length() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
                    throw unsupported("'$' that is not at the end");
                }
                break;
            }
            int start = at;
            boolean alone = peek('(') && groupIsAlone();
            if (alone) {
                boolean from = open && parts.isEmpty();
                boolean to = last && groupIsLast();
                Regex group = group(from, to);
                groupStarts |= from;
                groupEnds = to;
                parts.add(group);
            } else {
                parts.add(quantified(peek('(') ? group(false, false) : atom()));
                groupEnds = false;
            }
            if (at == start) {
                throw unsupported("'" + pattern.charAt(at) + "'");
            }
        }
        if (open && !groupStarts) {
            parts.add(0, ANYTHING);
        }
        if (last && !ends && !groupEnds) {
            parts.add(ANYTHING);
        }
        return Regex.sequence(parts);
    }

    /** Whether the group here has no quantifier, so that it stands for itself once. */
    private boolean groupIsAlone() {
        int end = groupEnd();
        return end >= pattern.length() || "*+?{".indexOf(pattern.charAt(end)) < 0;
    }

    private boolean groupIsLast() {
        int end = groupEnd();
        return end >= pattern.length() || pattern.charAt(end) == '|' || pattern.charAt(end) == ')';
    }

    /** Index behind the group that starts here. */
    private int groupEnd() {
        int open = 0;
        boolean set = false;
        for (int i = at; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c == '\\') {
                i++;
            } else if (set) {
                set = c != ']';
            } else if (c == '[') {
                set = true;
            } else if (c == '(') {
                open++;
            } else if (c == ')' && --open == 0) {
                return i + 1;
            }
        }
        throw unsupported("a '(' without a ')'");
    }

    private Regex group(boolean first, boolean last) {
        expect('(');
        if (accept('?')) {
            if (accept('<')) {
                if (peek('=') || peek('!')) {
                    throw unsupported("look-behind");
                }
                int end = pattern.indexOf('>', at);
                if (end < 0) {
                    throw unsupported("a group's name without an end");
                }
                at = end + 1;
            } else if (!accept(':')) {
                throw unsupported(peek('=') || peek('!') ? "look-ahead" : "this kind of group");
            }
        }
        Regex inner = alternatives(first, last);
        expect(')');
        return inner;
    }

    private Regex quantified(Regex part) {
        int min;
        int max;
        if (accept('*')) {
            min = 0;
            max = Integer.MAX_VALUE;
        } else if (accept('+')) {
            min = 1;
            max = Integer.MAX_VALUE;
        } else if (accept('?')) {
            min = 0;
            max = 1;
        } else if (accept('{')) {
            min = number();
            max = accept(',') ? (peek('}') ? Integer.MAX_VALUE : number()) : min;
            expect('}');
            if (max < min) {
                throw unsupported("a repeat whose end is below its start");
            }
        } else {
            return part;
        }
        accept('?'); // a lazy quantifier matches the same texts
        if (peek('*') || peek('+') || peek('?') || peek('{')) {
            throw unsupported("two quantifiers in a row");
        }
        return Regex.repeat(part, min, max);
    }

    private int number() {
        int start = at;
        while (at < pattern.length() && Character.digit(pattern.charAt(at), 10) >= 0 && at - start < 6) {
            at++;
        }
        if (at == start) {
            throw unsupported("a repeat without a number");
        }
        return Integer.parseInt(pattern.substring(start, at));
    }

    private Regex atom() {
        int c = pattern.codePointAt(at);
        switch (c) {
            case '.':
                at++;
                return Regex.chars(DOT);
            case '[':
                at++;
                return Regex.chars(set());
            case '\\':
                at++;
                return Regex.chars(escape(false));
            case '*', '+', '?', '{':
                throw unsupported("a quantifier with nothing before it");
            case '^':
                throw unsupported("'^' that is not at the start");
            default:
                at += Character.charCount(c);
                return Regex.chars(single(c));
        }
    }

    private CharRanges single(int c) {
        if (c >= 0xd800 && c <= 0xdfff) {
            throw unsupported("half a surrogate pair");
        }
        return CharRanges.of(c, c);
    }

    private CharRanges set() {
        boolean negated = accept('^');
        if (peek(']')) {
            throw unsupported("an empty set of characters");
        }
        CharRanges all = CharRanges.NONE;
        while (!peek(']')) {
            CharRanges low = setElement();
            if (peek('-') && at + 1 < pattern.length() && pattern.charAt(at + 1) != ']') {
                at++;
                CharRanges high = setElement();
                if (!isSingle(low) || !isSingle(high) || high.bounds()[0] < low.bounds()[0]) {
                    throw unsupported("this range of characters");
                }
                all = all.or(CharRanges.of(low.bounds()[0], high.bounds()[0]));
            } else {
                all = all.or(low);
            }
        }
        expect(']');
        return negated ? all.not() : all;
    }

    private static boolean isSingle(CharRanges ranges) {
        return ranges.bounds().length == 2 && ranges.bounds()[0] == ranges.bounds()[1];
    }

    private CharRanges setElement() {
        if (at >= pattern.length()) {
            throw unsupported("a '[' without a ']'");
        }
        if (accept('\\')) {
            return escape(true);
        }
        int c = pattern.codePointAt(at);
        if (c == '[' || (c == '&' && pattern.startsWith("&&", at))) {
            throw unsupported(
                    "'" + Character.toString(c) + "' in a set of characters (write \\" + Character.toString(c) + ")");
        }
        at += Character.charCount(c);
        return single(c);
    }

    private CharRanges escape(boolean inSet) {
        if (at >= pattern.length()) {
            throw unsupported("a '\\' at the end");
        }
        char c = pattern.charAt(at++);
        switch (c) {
            case 'd':
                return DIGITS;
            case 'D':
                return DIGITS.not();
            case 'w':
                return WORD;
            case 'W':
                return WORD.not();
            case 's':
                return SPACE;
            case 'S':
                return NOT_SPACE;
            case 't':
                return CharRanges.of("\t");
            case 'n':
                return CharRanges.of("\n");
            case 'r':
                return CharRanges.of("\r");
            case 'f':
                return CharRanges.of("\f");
            case 'v':
                return CharRanges.of("\u000b");
            case 'x':
                return single(hex(2));
            case 'u':
                return unicode();
            default:
                if (Character.isLetterOrDigit(c) || c == '_') {
                    at--;
                    throw unsupported("'\\" + c + "'");
                }
                return single(c);
        }
    }

    private CharRanges unicode() {
        if (peek('{')) {
            int end = pattern.indexOf('}', at);
            if (end < 0 || end - at > 8) {
                throw unsupported("this \\u{...}");
            }
            at++;
            int c = hex(end - at);
            expect('}');
            if (c > CharRanges.LAST) {
                throw unsupported("a character above U+10FFFF");
            }
            return single(c);
        }
        int c = hex(4);
        if (Character.isHighSurrogate((char) c) && pattern.startsWith("\\u", at)) {
            at += 2;
            int low = hex(4);
            if (Character.isLowSurrogate((char) low)) {
                return single(Character.toCodePoint((char) c, (char) low));
            }
        }
        return single(c);
    }

    private int hex(int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = at < pattern.length() ? Character.digit(pattern.charAt(at), 16) : -1;
            if (digit < 0) {
                throw unsupported("an escape without its hexadecimal digits");
            }
            value = value * 16 + digit;
            at++;
        }
        return value;
    }

    private boolean peek(char c) {
        return at < pattern.length() && pattern.charAt(at) == c;
    }

    private boolean accept(char c) {
        boolean found = peek(c);
        at += found ? 1 : 0;
        return found;
    }

    private void expect(char c) {
        if (!accept(c)) {
            throw unsupported("a missing '" + c + "'");
        }
    }

    private IllegalArgumentException unsupported(String what) {
        return new IllegalArgumentException(
                "\"" + pattern + "\" has " + what + " at position " + at
                        + ", which is not supported: patterns may have characters, sets, groups, alternatives, repeats, and anchors at their ends");
    }
}
