package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Methods of strings. Positions count Unicode characters, as Python's do. */
final class StringMethods {

    private interface Method {
        @Nullable
        Object call(Text self, Arguments arguments, Budget budget);
    }

    private static final Map<String, Method> BY_NAME = new HashMap<>();

    static {
        for (String name : new String[] {"strip", "lstrip", "rstrip"}) {
            BY_NAME.put(name, (self, arguments, budget) -> {
                Bound bound = arguments.bind(name, "chars");
                Text chars = bound.isNone(0) ? null : bound.text(0);
                return Texts.strip(self, chars, !name.equals("rstrip"), !name.equals("lstrip"));
            });
        }
        for (String name : new String[] {"split", "rsplit"}) {
            BY_NAME.put(name, (self, arguments, budget) -> {
                Bound bound = arguments.bind(name, "sep", "maxsplit");
                Text separator = bound.isNone(0) ? null : bound.text(0);
                return name.equals("split")
                        ? Texts.split(self, separator, bound.integer(1, -1), budget)
                        : Texts.splitRight(self, separator, bound.integer(1, -1), budget);
            });
        }
        BY_NAME.put("splitlines", (self, arguments, budget) -> {
            List<Text> lines =
                    Texts.lines(self, arguments.bind("splitlines", "keepends").flag(0, false));
            budget.spendElements(lines.size());
            return new ArrayList<@Nullable Object>(lines);
        });
        BY_NAME.put(
                "partition",
                (self, arguments, budget) -> partition(self, arguments.bind("partition", "sep"), false, budget));
        BY_NAME.put(
                "rpartition",
                (self, arguments, budget) -> partition(self, arguments.bind("rpartition", "sep"), true, budget));
        BY_NAME.put("startswith", (self, arguments, budget) -> startsOrEnds(self, arguments, "startswith"));
        BY_NAME.put("endswith", (self, arguments, budget) -> startsOrEnds(self, arguments, "endswith"));
        BY_NAME.put("removeprefix", (self, arguments, budget) -> {
            Text prefix = arguments.bind("removeprefix", "prefix").text(0);
            return self.chars().startsWith(prefix.chars()) ? self.slice(prefix.length(), self.length()) : self;
        });
        BY_NAME.put("removesuffix", (self, arguments, budget) -> {
            Text suffix = arguments.bind("removesuffix", "suffix").text(0);
            return self.chars().endsWith(suffix.chars()) ? self.slice(0, self.length() - suffix.length()) : self;
        });
        BY_NAME.put("replace", (self, arguments, budget) -> {
            Bound bound = arguments.bind("replace", "old", "new", "count");
            return Texts.replace(self, bound.text(0), bound.text(1), bound.integer(2, -1), budget);
        });
        BY_NAME.put(
                "join",
                (self, arguments, budget) ->
                        join(self, arguments.bind("join", "iterable").get(0), budget));
        for (String name : new String[] {"find", "rfind", "index", "rindex"}) {
            BY_NAME.put(name, (self, arguments, budget) -> find(self, arguments, name, budget));
        }
        BY_NAME.put(
                "count",
                (self, arguments, budget) ->
                        count(self, arguments.bind("count", "sub").text(0), budget));
        BY_NAME.put("format", (self, arguments, budget) -> Formats.braces(self, arguments, budget));
        noArguments("upper", Texts::upper);
        noArguments("lower", Texts::lower);
        noArguments("casefold", Texts::lower);
        noArguments("title", Texts::title);
        noArguments("capitalize", Texts::capitalize);
        noArguments("swapcase", Texts::swapCase);
        noArguments("isdigit", self -> all(self, Character::isDigit));
        noArguments("isdecimal", self -> all(self, Character::isDigit));
        noArguments(
                "isnumeric",
                self -> all(self, c -> Character.isDigit(c) || Character.getType(c) == Character.OTHER_NUMBER));
        noArguments("isalpha", self -> all(self, Character::isLetter));
        noArguments("isalnum", self -> all(self, Character::isLetterOrDigit));
        noArguments("isspace", self -> all(self, c -> c < 0x10000 && Whitespace.is((char) c)));
        noArguments("isupper", self -> isUpper(self));
        noArguments("islower", self -> isLower(self));
        for (String name : new String[] {"ljust", "rjust", "center", "zfill"}) {
            BY_NAME.put(name, (self, arguments, budget) -> pad(self, arguments, name, budget));
        }
    }

    private StringMethods() {}

    private interface Plain {
        Object call(Text self);
    }

    private static void noArguments(String name, Plain method) {
        BY_NAME.put(name, (self, arguments, budget) -> {
            arguments.bind(name);
            return method.call(self);
        });
    }

    static @Nullable Callable find(Text self, String name) {
        Method method = BY_NAME.get(name);
        if (method == null) {
            return null;
        }
        return (frame, arguments) -> {
            frame.budget().spend(self.length() + 1L);
            return method.call(self, arguments, frame.budget());
        };
    }

    static boolean isUpper(Text text) {
        return text.chars().codePoints().noneMatch(Character::isLowerCase)
                && text.chars().codePoints().anyMatch(Character::isUpperCase);
    }

    static boolean isLower(Text text) {
        return text.chars().codePoints().noneMatch(Character::isUpperCase)
                && text.chars().codePoints().anyMatch(Character::isLowerCase);
    }

    private static boolean all(Text self, IntPredicate kind) {
        return !self.isEmpty() && self.chars().codePoints().allMatch(kind);
    }

    private static Tuple partition(Text self, Bound bound, boolean fromRight, Budget budget) {
        Text separator = bound.text(0);
        Texts.requireSeparator(separator);
        budget.spendSearch(self, separator);
        int at = fromRight
                ? self.chars().lastIndexOf(separator.chars())
                : self.chars().indexOf(separator.chars());
        if (at < 0) {
            return fromRight ? Tuple.of(Text.EMPTY, Text.EMPTY, self) : Tuple.of(self, Text.EMPTY, Text.EMPTY);
        }
        int end = at + separator.length();
        return Tuple.of(self.slice(0, at), self.slice(at, end), self.slice(end, self.length()));
    }

    private static boolean startsOrEnds(Text self, Arguments arguments, String name) {
        Bound bound = arguments.bind(name, "affix", "start", "end");
        Text part = range(self, bound, 1);
        List<?> affixes = bound.get(0) instanceof Tuple tuple ? tuple.items() : List.of(bound.text(0));
        for (Object affix : affixes) {
            if (!(affix instanceof Text wanted)) {
                throw new TemplateException(name + "() needs strings, not " + Values.typeName(affix));
            }
            if (part != null
                    && (name.equals("startswith")
                            ? part.chars().startsWith(wanted.chars())
                            : part.chars().endsWith(wanted.chars()))) {
                return true;
            }
        }
        return false;
    }

    /** The part that optional arguments start and end name, or null if it starts behind the end. */
    private static @Nullable Text range(Text self, Bound bound, int startIndex) {
        if (bound.isNone(startIndex) && bound.isNone(startIndex + 1)) {
            return self;
        }
        int length = self.codePoints();
        long start = clamp(bound.integer(startIndex, 0), length);
        long end = Math.min(clamp(bound.integer(startIndex + 1, length), length), length);
        return start > end ? null : self.slice(self.offset((int) start), self.offset((int) end));
    }

    private static long clamp(long index, int length) {
        return index < 0 ? Math.max(0, index + length) : index;
    }

    private static Text join(Text self, @Nullable Object parts, Budget budget) {
        List<?> items = Values.items(parts, budget);
        for (Object item : items) {
            if (!(item instanceof Text)) {
                throw new TemplateException("join() needs strings, found " + Values.typeName(item));
            }
        }
        return Texts.join(self, items, budget);
    }

    private static Object find(Text self, Arguments arguments, String name, Budget budget) {
        Bound bound = arguments.bind(name, "sub", "start", "end");
        Text part = range(self, bound, 1);
        String wanted = bound.text(0).chars();
        budget.spendSearch(self, bound.text(0));
        int at = part == null
                ? -1
                : name.startsWith("r")
                        ? part.chars().lastIndexOf(wanted)
                        : part.chars().indexOf(wanted);
        if (part == null || at < 0) {
            if (name.endsWith("index")) {
                throw new TemplateException("substring not found");
            }
            return -1L;
        }
        long start = clamp(bound.integer(1, 0), self.codePoints());
        return start + part.chars().codePointCount(0, at);
    }

    private static Object count(Text self, Text wanted, Budget budget) {
        budget.spendSearch(self, wanted);
        if (wanted.isEmpty()) {
            return self.codePoints() + 1L;
        }
        long count = 0;
        for (int at = self.chars().indexOf(wanted.chars());
                at >= 0;
                at = self.chars().indexOf(wanted.chars(), at + wanted.length())) {
            count++;
        }
        return count;
    }

    private static Text pad(Text self, Arguments arguments, String name, Budget budget) {
        Bound bound = arguments.bind(name, "width", "fill");
        bound.get(0);
        long missing = bound.integer(0, 0) - self.codePoints();
        if (missing <= 0) {
            return self;
        }
        Text fill = bound.has(1) ? bound.text(1) : Text.trusted(name.equals("zfill") ? "0" : " ");
        if (fill.codePoints() != 1) {
            throw new TemplateException(name + "(): the fill must be one character");
        }
        if (name.equals("zfill") && !self.isEmpty() && "+-".indexOf(self.chars().charAt(0)) >= 0) {
            return self.slice(0, 1).plus(repeat(fill, missing, budget)).plus(self.slice(1, self.length()));
        }
        // CPython's centring puts the odd space left where the width is odd, too.
        long width = bound.integer(0, 0);
        long left = name.equals("ljust") ? 0 : name.equals("center") ? missing / 2 + (missing & width & 1) : missing;
        return repeat(fill, left, budget).plus(self).plus(repeat(fill, missing - left, budget));
    }

    private static Text repeat(Text fill, long times, Budget budget) {
        return (Text) Operators.binary("*", fill, times, budget);
    }
}
