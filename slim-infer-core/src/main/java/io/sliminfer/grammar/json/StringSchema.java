package io.sliminfer.grammar.json;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.GrammarException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What parts say of strings.
 *
 * @param max      -1 for no limit
 * @param contents texts of which all must have the string, by pattern or format
 * @param name     of these texts
 * @param where    keyword to blame if they cannot be put together
 */
record StringSchema(int min, int max, List<CharDfa> contents, String name, String where) {

    private static final Set<String> NUMBER_FORMATS = Set.of("int32", "int64", "float", "double");

    static StringSchema of(List<SchemaPart> parts) {
        int min = 0;
        int max = -1;
        List<CharDfa> contents = new ArrayList<>();
        StringBuilder name = new StringBuilder("string");
        String where = "#";
        for (SchemaPart part : parts) {
            min = Math.max(min, part.count("minLength", 0));
            int own = part.count("maxLength", -1);
            max = own < 0 || own == Integer.MAX_VALUE ? max : max < 0 ? own : Math.min(max, own);
            if (part.has("pattern")) {
                String pattern = part.text("pattern");
                contents.add(pattern(pattern, part));
                name.append(" of pattern ").append(pattern);
                where = part.at("pattern");
            }
            if (part.has("format")) {
                contents.add(format(part));
                name.append(" of format ").append(part.text("format"));
                where = part.at("format");
            }
        }
        return new StringSchema(min, max, contents, name.toString(), where);
    }

    private static CharDfa pattern(String pattern, SchemaPart part) {
        try {
            return CharDfa.of(RegexParser.parse(pattern));
        } catch (IllegalArgumentException e) {
            throw new JsonSchemaException(part.at("pattern"), e.getMessage());
        }
    }

    private static CharDfa format(SchemaPart part) {
        String format = part.text("format");
        CharDfa content = Formats.of(format);
        if (content == null) {
            throw part.unsupported(
                    "format",
                    NUMBER_FORMATS.contains(format)
                            ? "\"" + format + "\" is a format of numbers, but strings are allowed here: give \"type\""
                            : "\"" + format + "\" is none of " + String.join(", ", Formats.names()));
        }
        return content;
    }

    boolean allows(String value) {
        int length = value.codePointCount(0, value.length());
        return length >= min
                && (max < 0 || length <= max)
                && contents.stream().allMatch(content -> content.accepts(value));
    }

    @Nullable
    Expression expression(JsonText text) {
        if (max >= 0 && max < min) {
            return null;
        }
        if (contents.isEmpty()) {
            return min == 0 && max < 0 ? text.string() : text.string(min, max);
        }
        CharDfa all = contents.get(0);
        try {
            for (CharDfa content : contents.subList(1, contents.size())) {
                all = all.and(content);
            }
            if (min > 0 || max >= 0) {
                all = all.withLength(min, max < 0 ? Integer.MAX_VALUE : max);
            }
        } catch (GrammarException e) {
            throw new JsonSchemaException(where, e.getMessage());
        }
        return all.isEmpty() ? null : text.string(name + ", length " + min + " to " + max, all);
    }
}
