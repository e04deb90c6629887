package io.sliminfer.text.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What Jinja calls tests: {@code value is name(arguments)}. */
final class Conditions {

    private interface Condition {
        boolean holds(@Nullable Object value, Arguments arguments, Frame frame);
    }

    private interface Kind {
        boolean matches(@Nullable Object value);
    }

    private static final Map<String, Condition> BY_NAME = new HashMap<>();

    static {
        kind("defined", value -> !(value instanceof Undefined));
        kind("undefined", value -> value instanceof Undefined);
        kind("none", value -> value == null);
        kind("string", value -> value instanceof Text);
        kind("mapping", value -> value instanceof Map);
        kind("iterable", Values::isIterable);
        kind(
                "sequence",
                value -> value instanceof Text
                        || value instanceof List
                        || value instanceof Tuple
                        || value instanceof Map
                        || value instanceof Undefined);
        kind("number", Numbers::isNumber);
        kind("integer", value -> Numbers.isNumber(value) && !(value instanceof Boolean) && !(value instanceof Double));
        kind("float", value -> value instanceof Double);
        kind("boolean", value -> value instanceof Boolean);
        kind("true", value -> Boolean.TRUE.equals(value));
        kind("false", value -> Boolean.FALSE.equals(value));
        kind("callable", value -> value instanceof Callable);
        kind("odd", value -> parity(value) == 1);
        kind("even", value -> parity(value) == 0);
        BY_NAME.put(
                "divisibleby",
                (value, arguments, frame) -> Values.equal(
                        Operators.binary(
                                "%", value, arguments.bind("divisibleby", "num").get(0), frame.budget()),
                        0L,
                        frame.budget()));
        BY_NAME.put("upper", (value, arguments, frame) -> StringMethods.isUpper(Printer.str(value, frame.budget())));
        BY_NAME.put("lower", (value, arguments, frame) -> StringMethods.isLower(Printer.str(value, frame.budget())));
        BY_NAME.put("sameas", (value, arguments, frame) -> {
            Object other = arguments.bind("sameas", "other").get(0);
            return value == other || (isSmall(value) && isSmall(other) && value.equals(other));
        });
        BY_NAME.put("filter", (value, arguments, frame) -> Filters.exists(String.valueOf(value)));
        BY_NAME.put("test", (value, arguments, frame) -> exists(String.valueOf(value)));
        comparison("==", "eq", "equalto", "==");
        comparison("!=", "ne", "!=");
        comparison("<", "lt", "lessthan", "<");
        comparison("<=", "le", "<=");
        comparison(">", "gt", "greaterthan", ">");
        comparison(">=", "ge", ">=");
        comparison("in", "in");
    }

    private Conditions() {}

    private static void kind(String name, Kind kind) {
        BY_NAME.put(name, (value, arguments, frame) -> {
            arguments.bind("is " + name);
            return kind.matches(value);
        });
    }

    private static void comparison(String operator, String... names) {
        for (String name : names) {
            BY_NAME.put(
                    name,
                    (value, arguments, frame) -> Operators.compare(
                            operator,
                            value,
                            arguments.bind("is " + name, "other").get(0),
                            frame.budget()));
        }
    }

    private static boolean exists(String name) {
        return BY_NAME.containsKey(name);
    }

    /** Values that Python keeps once, so that {@code is} compares them as {@code ==} does. */
    private static boolean isSmall(@Nullable Object value) {
        return value instanceof Boolean || value instanceof Long;
    }

    private static long parity(@Nullable Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        return Math.floorMod(Numbers.integer(value), 2L);
    }

    static boolean holds(String name, @Nullable Object value, Arguments arguments, Frame frame) {
        Condition condition = BY_NAME.get(name);
        if (condition == null) {
            throw new TemplateException("there is no test named '" + name + "'");
        }
        return condition.holds(value, arguments, frame);
    }
}
