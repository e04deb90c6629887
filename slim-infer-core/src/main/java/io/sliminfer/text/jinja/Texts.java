package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Python's string operations, with the origin of each character kept. */
final class Texts {

    private Texts() {}

    /** @param characters what to take away, or null for white space */
    static Text strip(Text text, @Nullable Text characters, boolean left, boolean right) {
        String chars = text.chars();
        int from = 0;
        int to = chars.length();
        while (left && from < to && isStripped(chars.codePointAt(from), characters)) {
            from += Character.charCount(chars.codePointAt(from));
        }
        while (right && to > from && isStripped(chars.codePointBefore(to), characters)) {
            to -= Character.charCount(chars.codePointBefore(to));
        }
        return text.slice(from, to);
    }

    private static boolean isStripped(int c, @Nullable Text characters) {
        return characters == null
                ? c < 0x10000 && Whitespace.is((char) c)
                : characters.chars().indexOf(c) >= 0;
    }

    static Text upper(Text text) {
        return mapped(text, part -> part.toUpperCase(Locale.ROOT));
    }

    static Text lower(Text text) {
        return mapped(text, part -> part.toLowerCase(Locale.ROOT));
    }

    static Text capitalize(Text text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = Character.charCount(text.chars().codePointAt(0));
        Text start = mapped(text.slice(0, first), Texts::titleCase);
        return start.plus(lower(text)
                .slice(lower(text.slice(0, first)).length(), lower(text).length()));
    }

    /** The first character in title case: {@code ǆ} becomes {@code ǅ}, {@code ß} becomes {@code Ss}. */
    private static String titleCase(String character) {
        int titled = Character.toTitleCase(character.codePointAt(0));
        String upper = character.toUpperCase(Locale.ROOT);
        return upper.length() > character.length() && Character.isUpperCase(upper.charAt(0))
                ? upper.charAt(0) + upper.substring(1).toLowerCase(Locale.ROOT)
                : upper.length() > character.length() ? upper : Character.toString(titled);
    }

    static Text title(Text text) {
        return byLetter(
                text, (character, afterLetter) -> afterLetter ? lower(character) : mapped(character, Texts::titleCase));
    }

    static Text swapCase(Text text) {
        return byLetter(
                text,
                (character, afterLetter) ->
                        Character.isUpperCase(character.chars().codePointAt(0)) ? lower(character) : upper(character));
    }

    private interface LetterMapping {
        Text map(Text character, boolean afterLetter);
    }

    private static Text byLetter(Text text, LetterMapping mapping) {
        TextBuilder mapped = new TextBuilder();
        boolean afterLetter = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.chars().codePointAt(i);
            int next = i + Character.charCount(c);
            boolean cased = Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
            mapped.append(cased ? mapping.map(text.slice(i, next), afterLetter) : text.slice(i, next));
            afterLetter = cased;
            i = next;
        }
        return mapped.toText();
    }

    /** Maps runs of one origin as a whole, so that a change of length cannot move characters into another run. */
    private static Text mapped(Text text, UnaryOperator<String> mapping) {
        if (text.isUniform()) {
            String mapped = mapping.apply(text.chars());
            return text.startsTrusted() ? Text.trusted(mapped) : Text.untrusted(mapped);
        }
        TextBuilder mapped = new TextBuilder();
        int done = 0;
        int[] runs = text.runs();
        for (int i = 0; i < runs.length; i += 2) {
            mapped.append(mapping.apply(text.chars().substring(done, runs[i])), false);
            mapped.append(mapping.apply(text.chars().substring(runs[i], runs[i + 1])), true);
            done = runs[i + 1];
        }
        return mapped.append(mapping.apply(text.chars().substring(done)), false).toText();
    }

    /** @param count most replacements, negative for all */
    static Text replace(Text text, Text old, Text replacement, long count, Budget budget) {
        budget.spendSearch(text, old);
        String chars = text.chars();
        TextBuilder replaced = new TextBuilder();
        long left = count < 0 ? Long.MAX_VALUE : count;
        int done = 0;
        // An empty old text is found before each character and at the end.
        for (int at = chars.indexOf(old.chars()); at >= 0 && left > 0; left--) {
            budget.spend(replacement.length() + 1L);
            replaced.append(text, done, at).append(replacement);
            done = at + old.length();
            int from = done;
            if (old.isEmpty()) {
                if (at == chars.length()) {
                    break;
                }
                from = at + Character.charCount(chars.codePointAt(at));
            }
            at = chars.indexOf(old.chars(), from);
        }
        return replaced.append(text, done, chars.length()).toText();
    }

    /** @param max most cuts, negative for all */
    static List<@Nullable Object> split(Text text, @Nullable Text separator, long max, Budget budget) {
        budget.spend(text.length());
        List<@Nullable Object> parts = new ArrayList<>();
        String chars = text.chars();
        long left = max < 0 ? Long.MAX_VALUE : max;
        if (separator == null) {
            int start = Whitespace.skip(chars, 0);
            while (start < chars.length()) {
                int end = start;
                while (end < chars.length() && !Whitespace.is(chars.charAt(end))) {
                    end++;
                }
                if (left-- == 0) {
                    budget.spendElements(1);
                    parts.add(text.slice(start, chars.length()));
                    break;
                }
                budget.spendElements(1);
                parts.add(text.slice(start, end));
                start = Whitespace.skip(chars, end);
            }
            return parts;
        }
        requireSeparator(separator);
        budget.spendSearch(text, separator);
        int start = 0;
        for (int at = chars.indexOf(separator.chars());
                at >= 0 && left-- > 0;
                at = chars.indexOf(separator.chars(), start)) {
            budget.spendElements(1);
            parts.add(text.slice(start, at));
            start = at + separator.length();
        }
        budget.spendElements(1);
        parts.add(text.slice(start, chars.length()));
        return parts;
    }

    /** As {@link #split}, cutting from the right. */
    static List<@Nullable Object> splitRight(Text text, @Nullable Text separator, long max, Budget budget) {
        if (max < 0) {
            return split(text, separator, max, budget);
        }
        budget.spend(text.length());
        List<@Nullable Object> parts = new ArrayList<>();
        String chars = text.chars();
        long left = max;
        if (separator == null) {
            int end = Whitespace.trimmedEnd(chars, chars.length());
            while (end > 0) {
                int start = end;
                while (start > 0 && !Whitespace.is(chars.charAt(start - 1))) {
                    start--;
                }
                if (left-- == 0) {
                    budget.spendElements(1 + parts.size() / 32);
                    parts.add(0, text.slice(0, end));
                    break;
                }
                budget.spendElements(1 + parts.size() / 32);
                parts.add(0, text.slice(start, end));
                end = Whitespace.trimmedEnd(chars, start);
            }
            return parts;
        }
        requireSeparator(separator);
        budget.spendSearch(text, separator);
        int end = chars.length();
        while (left-- > 0) {
            int at = chars.lastIndexOf(separator.chars(), end - separator.length());
            if (at < 0 || end < separator.length()) {
                break;
            }
            budget.spendElements(1 + parts.size() / 32);
            parts.add(0, text.slice(at + separator.length(), end));
            end = at;
        }
        budget.spendElements(1 + parts.size() / 32);
        parts.add(0, text.slice(0, end));
        return parts;
    }

    static void requireSeparator(Text separator) {
        if (separator.isEmpty()) {
            throw new TemplateException("empty separator");
        }
    }

    static List<Text> lines(Text text, boolean keepEnds) {
        List<Text> lines = new ArrayList<>();
        String chars = text.chars();
        int start = 0;
        for (int i = 0; i < chars.length(); i++) {
            if (isLineEnd(chars.charAt(i))) {
                int end = i + (chars.startsWith("\r\n", i) ? 2 : 1);
                lines.add(text.slice(start, keepEnds ? end : i));
                start = end;
                i = end - 1;
            }
        }
        if (start < chars.length()) {
            lines.add(text.slice(start, chars.length()));
        }
        return lines;
    }

    private static boolean isLineEnd(char c) {
        return (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    /** Joins values; those that are not text are printed. */
    static Text join(Text separator, List<?> parts, Budget budget) {
        TextBuilder joined = new TextBuilder();
        for (int i = 0; i < parts.size(); i++) {
            Text part = Printer.str(parts.get(i), budget);
            budget.spend(part.length() + (long) separator.length() + 1);
            joined.append(i > 0 ? separator : Text.EMPTY).append(part);
        }
        return joined.toText();
    }
}
