package io.sliminfer.text.jinja;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters on numbers and on any value. */
final class ValueFilters {

    /** Longer texts are no numbers that a float could hold, and the pattern takes square time. */
    private static final int NUMBER_LENGTH_MAX = 400;

    private ValueFilters() {}

    static void addTo(Map<String, Filter> filters) {
        filters.put("default", ValueFilters::otherwise);
        filters.put("d", ValueFilters::otherwise);
        filters.put("int", ValueFilters::integer);
        filters.put("float", (value, arguments, frame) -> {
            Double number = real(value);
            return number == null ? arguments.bind("float", "default").get(0, 0.0) : number;
        });
        filters.put("abs", (value, arguments, frame) -> {
            arguments.bind("abs");
            Object negated = Operators.sign("-", value);
            return Numbers.compare(negated, 0L) > 0 ? negated : Operators.binary("-", 0L, negated, frame.budget());
        });
        filters.put("round", ValueFilters::round);
        filters.put(
                "attr",
                (value, arguments, frame) -> Attributes.attribute(
                        value, arguments.bind("attr", "name").text(0).chars()));
    }

    private static @Nullable Object otherwise(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("default", "default_value", "boolean");
        boolean replace = value instanceof Undefined || (bound.flag(1, false) && !Values.isTrue(value));
        return replace ? bound.get(0, Text.EMPTY) : value;
    }

    private static @Nullable Object integer(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("int", "default", "base");
        if (value instanceof Text text) {
            String digits = text.chars().strip().replace("_", "");
            try {
                long base = bound.integer(1, 10);
                if (base < 2 || base > 36) {
                    throw new TemplateException("int: base must be 2 to 36, not " + base);
                }
                return Long.parseLong(withoutPrefix(digits, (int) base), (int) base);
            } catch (NumberFormatException e) {
                Double real = real(value);
                return real == null || real.isNaN() || real.isInfinite() ? bound.get(0, 0L) : (Object) real.longValue();
            }
        }
        if (value instanceof Double real) {
            return real.isNaN() || real.isInfinite() ? bound.get(0, 0L) : (Object) real.longValue();
        }
        requireDefined(value);
        return Numbers.isIntegral(value) ? (Object) Numbers.integer(value) : bound.get(0, 0L);
    }

    private static String withoutPrefix(String digits, int base) {
        String prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : " ";
        return digits.regionMatches(true, 0, prefix, 0, 2) ? digits.substring(2) : digits;
    }

    private static @Nullable Double real(@Nullable Object value) {
        requireDefined(value);
        if (value != null && Numbers.isNumber(value)) {
            return Numbers.real(value);
        }
        // Java would also take "1f" and hexadecimal floats.
        if (value instanceof Text text
                && text.length() <= NUMBER_LENGTH_MAX
                && text.chars().strip().matches("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?")) {
            return Double.valueOf(text.chars().strip());
        }
        return null;
    }

    private static Object round(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("round", "precision", "method");
        requireDefined(value);
        double real = Numbers.real(value);
        int precision = (int) Math.max(-400, Math.min(400, bound.integer(0, 0)));
        String method = bound.has(1) ? bound.text(1).chars() : "common";
        if (!method.equals("common") && !method.equals("floor") && !method.equals("ceil")) {
            throw new TemplateException("round: method must be common, ceil or floor, not '" + method + "'");
        }
        if (Double.isNaN(real) || Double.isInfinite(real)) {
            return real;
        }
        if (method.equals("common")) {
            if (precision == 0 && Numbers.isIntegral(value)) {
                return value;
            }
            // Python rounds the exact binary value, halves to even.
            double rounded = new BigDecimal(real)
                    .setScale(precision, RoundingMode.HALF_EVEN)
                    .doubleValue();
            return Numbers.isIntegral(value) ? (Object) (long) rounded : (Object) rounded;
        }
        double scale = Math.pow(10, precision);
        return (method.equals("floor") ? Math.floor(real * scale) : Math.ceil(real * scale)) / scale;
    }

    private static void requireDefined(@Nullable Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
    }
}
