package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Arithmetic, string and comparison operators. */
final class Operators {

    private Operators() {}

    static Object sign(String operator, @Nullable Object value) {
        requireDefined(value);
        if (value == null || !Numbers.isNumber(value)) {
            throw new TemplateException("'" + operator + "' does not work on " + Values.typeName(value));
        }
        return operator.equals("-") ? Numbers.calculate("-", 0L, value) : value;
    }

    static Object binary(String operator, @Nullable Object left, @Nullable Object right, Budget budget) {
        requireDefined(left);
        requireDefined(right);
        if (left != null && right != null && Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return Numbers.calculate(operator, left, right);
        }
        if (operator.equals("+")) {
            if (left instanceof Text a && right instanceof Text b) {
                budget.spend((long) a.length() + b.length());
                return a.plus(b);
            }
            if (left instanceof List<?> a && right instanceof List<?> b) {
                return joined(a, b, budget);
            }
            if (left instanceof Tuple a && right instanceof Tuple b) {
                return new Tuple(joined(a.items(), b.items(), budget));
            }
        }
        if (operator.equals("*")) {
            if (Numbers.isIntegral(right) && isRepeatable(left)) {
                return repeated(left, Numbers.integer(right), budget);
            }
            if (Numbers.isIntegral(left) && isRepeatable(right)) {
                return repeated(right, Numbers.integer(left), budget);
            }
        }
        if (operator.equals("%") && left instanceof Text format) {
            return Formats.percent(
                    format,
                    right instanceof Tuple tuple ? tuple.items() : java.util.Collections.singletonList(right),
                    budget);
        }
        throw new TemplateException(
                "'" + operator + "' does not work on " + Values.typeName(left) + " and " + Values.typeName(right));
    }

    private static List<@Nullable Object> joined(List<?> a, List<?> b, Budget budget) {
        budget.spendElements((long) a.size() + b.size());
        List<@Nullable Object> items = new ArrayList<>(a);
        items.addAll(b);
        return items;
    }

    private static boolean isRepeatable(@Nullable Object value) {
        return value instanceof Text || value instanceof List || value instanceof Tuple;
    }

    private static Object repeated(@Nullable Object value, long times, Budget budget) {
        long count = Math.max(0, Math.min(times, Integer.MAX_VALUE));
        if (value instanceof Text text) {
            budget.spend(count * Math.max(1, text.length()));
            TextBuilder repeated = new TextBuilder();
            for (long i = 0; i < count; i++) {
                repeated.append(text);
            }
            return repeated.toText();
        }
        List<@Nullable Object> items = Values.items(value, budget);
        budget.spendElements(count * Math.max(1, items.size()));
        List<@Nullable Object> repeated = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            repeated.addAll(items);
        }
        return value instanceof Tuple ? new Tuple(repeated) : repeated;
    }

    static boolean compare(String operator, @Nullable Object left, @Nullable Object right, Budget budget) {
        switch (operator) {
            case "==":
                return Values.equal(left, right, budget);
            case "!=":
                return !Values.equal(left, right, budget);
            case "in":
                return Values.contains(right, left, budget);
            case "not in":
                return !Values.contains(right, left, budget);
            case "<":
                return Values.compare(left, right, budget) < 0;
            case "<=":
                return Values.compare(left, right, budget) <= 0;
            case ">":
                return Values.compare(left, right, budget) > 0;
            case ">=":
                return Values.compare(left, right, budget) >= 0;
            default:
                throw new IllegalStateException(operator);
        }
    }

    private static void requireDefined(@Nullable Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
    }
}
