package io.sliminfer.grammar.json;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.json.NumberText.Bound;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What parts say of numbers.
 *
 * @param multiples positive numbers of which all must divide the value
 */
record NumberSchema(boolean integer, @Nullable Bound low, @Nullable Bound high, List<Multiple> multiples) {

    private static final int STATES_MAX = 4_000;

    private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

    /** A factor and where it is said. */
    record Multiple(BigDecimal of, SchemaPart part) {}

    static NumberSchema of(List<SchemaPart> parts, boolean integer) {
        Bound low = null;
        Bound high = null;
        List<Multiple> multiples = new ArrayList<>();
        for (SchemaPart part : parts) {
            low = Bound.higher(low, bound(part.decimal("minimum"), true));
            low = Bound.higher(low, bound(part.decimal("exclusiveMinimum"), false));
            high = Bound.lower(high, bound(part.decimal("maximum"), true));
            high = Bound.lower(high, bound(part.decimal("exclusiveMaximum"), false));
            BigDecimal multiple = part.decimal("multipleOf");
            if (multiple != null) {
                if (multiple.signum() <= 0) {
                    throw part.wrong("multipleOf", "a number above 0");
                }
                multiples.add(new Multiple(multiple.stripTrailingZeros(), part));
            }
            if (part.has("format")) {
                int bits = bits(part);
                if (bits > 0) {
                    BigDecimal limit = new BigDecimal(BigInteger.TWO.pow(bits - 1));
                    low = Bound.higher(low, new Bound(limit.negate(), true));
                    high = Bound.lower(high, new Bound(limit.subtract(BigDecimal.ONE), true));
                }
            }
        }
        return new NumberSchema(integer, low, high, multiples);
    }

    /** Bits of an integer's format; 0 for those of other numbers, which rule nothing out, and for those of strings. */
    private static int bits(SchemaPart part) {
        String format = part.text("format");
        return switch (format) {
            case "int32" -> 32;
            case "int64" -> 64;
            case "float", "double" -> 0;
            default -> {
                if (Formats.of(format) == null) {
                    throw part.unsupported(
                            "format", "\"" + format + "\" of a number is none of double, float, int32, int64");
                }
                yield 0;
            }
        };
    }

    private static @Nullable Bound bound(@Nullable BigDecimal value, boolean inclusive) {
        return value == null ? null : new Bound(value, inclusive);
    }

    boolean allows(BigDecimal value) {
        return (low == null || value.compareTo(low.value()) >= (low.inclusive() ? 0 : 1))
                && (high == null || value.compareTo(high.value()) <= (high.inclusive() ? 0 : -1))
                && multiples.stream()
                        .allMatch(multiple -> value.remainder(multiple.of()).signum() == 0);
    }

    @Nullable
    Expression expression(JsonText text) {
        if (!integer && low == null && high == null && multiples.isEmpty()) {
            return text.number();
        }
        boolean whole =
                integer || multiples.stream().anyMatch(multiple -> multiple.of().scale() <= 0);
        BigInteger least = least();
        BigInteger most = most(least);
        CharDfa numbers = whole ? NumberText.integers(least, most) : NumberText.numbers(low, high);
        StringBuilder name =
                new StringBuilder(whole ? "integer " + least + " to " + most : "number " + low + " to " + high);
        for (Multiple multiple : multiples) {
            numbers = numbers.and(multiples(multiple, whole));
            name.append(" multiple of ").append(multiple.of());
        }
        return numbers.isEmpty() ? null : text.bare(name.toString(), numbers);
    }

    /** Smallest integer; of a long if there is no bound. */
    private BigInteger least() {
        if (low == null) {
            BigInteger highest = high == null ? BigInteger.ZERO : floor(high);
            return highest.compareTo(LONG_MIN) >= 0 ? LONG_MIN : furtherOut(highest);
        }
        return floor(low.negated()).negate();
    }

    private BigInteger most(BigInteger least) {
        if (high == null) {
            return least.compareTo(LONG_MAX) <= 0 ? LONG_MAX : furtherOut(least);
        }
        return floor(high);
    }

    private static BigInteger floor(Bound bound) {
        BigInteger floor = bound.value().setScale(0, RoundingMode.FLOOR).toBigInteger();
        boolean excluded = !bound.inclusive() && new BigDecimal(floor).compareTo(bound.value()) == 0;
        return excluded ? floor.subtract(BigInteger.ONE) : floor;
    }

    /** A limit where a bound lies beyond a long: up to ten times as far. */
    private static BigInteger furtherOut(BigInteger bound) {
        return bound.multiply(BigInteger.TEN);
    }

    private static CharDfa multiples(Multiple multiple, boolean whole) {
        BigDecimal of = multiple.of();
        int decimals = Math.max(0, of.scale());
        BigInteger factor = of.scaleByPowerOfTen(decimals).toBigIntegerExact();
        if (whole) { // integers that are multiples of 7.5 are those of 15
            factor = factor.divide(factor.gcd(BigInteger.TEN.pow(decimals)));
            decimals = 0;
        }
        if (factor.multiply(BigInteger.valueOf(decimals + 2L)).compareTo(BigInteger.valueOf(STATES_MAX)) > 0) {
            throw multiple.part()
                    .unsupported(
                            "multipleOf", "more than about " + STATES_MAX + " remainders would have to be told apart");
        }
        return NumberText.multiples(factor.intValueExact(), decimals);
    }
}
