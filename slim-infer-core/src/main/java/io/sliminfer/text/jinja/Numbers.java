package io.sliminfer.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;

/** Python's arithmetic on {@code Long}, {@code Double} and {@code Boolean}. Integers beyond 64 bits are refused, not rounded. */
final class Numbers {

    private Numbers() {}

    static boolean isNumber(@Nullable Object value) {
        return value instanceof Long
                || value instanceof Double
                || value instanceof Boolean
                || value instanceof BigInteger;
    }

    static boolean isIntegral(@Nullable Object value) {
        return value instanceof Long || value instanceof Boolean;
    }

    static long integer(@Nullable Object value) {
        if (value instanceof Boolean flag) {
            return flag ? 1 : 0;
        }
        if (value instanceof Long number) {
            return number;
        }
        throw new TemplateException(Values.typeName(value) + " cannot be used as an integer");
    }

    static double real(@Nullable Object value) {
        if (value instanceof Double number) {
            return number;
        }
        return value instanceof BigInteger big ? big.doubleValue() : (double) integer(value);
    }

    static Object calculate(String operator, Object left, Object right) {
        if (isIntegral(left) && isIntegral(right)) {
            return onIntegers(operator, integer(left), integer(right));
        }
        return onReals(operator, real(left), real(right));
    }

    private static Object onIntegers(String operator, long a, long b) {
        try {
            switch (operator) {
                case "+":
                    return Math.addExact(a, b);
                case "-":
                    return Math.subtractExact(a, b);
                case "*":
                    return Math.multiplyExact(a, b);
                case "/":
                    return (double) a / requireNotZero(b);
                case "//":
                    return Math.floorDiv(a, requireNotZero(b));
                case "%":
                    return Math.floorMod(a, requireNotZero(b));
                case "**":
                    return b < 0 ? Math.pow(requireNotZero(a), b) : (Object) power(a, b);
                default:
                    throw new IllegalStateException(operator);
            }
        } catch (ArithmeticException e) {
            throw new TemplateException(a + " " + operator + " " + b + " does not fit into 64 bits");
        }
    }

    private static long power(long base, long exponent) {
        long result = 1;
        for (long left = exponent; left > 0; left >>= 1) {
            if ((left & 1) == 1) {
                result = Math.multiplyExact(result, base);
            }
            // The last square is not needed and may overflow.
            if (left > 1) {
                base = Math.multiplyExact(base, base);
            }
        }
        return result;
    }

    private static Object onReals(String operator, double a, double b) {
        switch (operator) {
            case "+":
                return a + b;
            case "-":
                return a - b;
            case "*":
                return a * b;
            case "/":
                requireNotZero(b);
                return a / b;
            case "//":
                requireNotZero(b);
                return Math.floor(a / b);
            case "%":
                requireNotZero(b);
                double remainder = a % b;
                return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
            case "**":
                return Math.pow(a, b);
            default:
                throw new IllegalStateException(operator);
        }
    }

    private static long requireNotZero(long value) {
        if (value == 0) {
            throw new TemplateException("division by zero");
        }
        return value;
    }

    private static void requireNotZero(double value) {
        if (value == 0) {
            throw new TemplateException("division by zero");
        }
    }

    static int compare(Object left, Object right) {
        return isIntegral(left) && isIntegral(right)
                ? Long.compare(integer(left), integer(right))
                : Double.compare(real(left) + 0.0, real(right) + 0.0);
    }

    /** Python's {@code repr} of a number: for floats the shortest digits that give the same value back. */
    static String text(Object number) {
        if (!(number instanceof Double real)) {
            return number instanceof Boolean flag ? (flag ? "True" : "False") : number.toString();
        }
        if (real.isNaN() || real.isInfinite()) {
            return real.isNaN() ? "nan" : real > 0 ? "inf" : "-inf";
        }
        if (real == 0) {
            return 1 / real < 0 ? "-0.0" : "0.0";
        }
        // Double.toString gives more digits than needed before JDK 19, so the number of digits is searched here.
        BigDecimal shortest = shortest(real).stripTrailingZeros();
        String digits = shortest.unscaledValue().abs().toString();
        int exponent = digits.length() - 1 - shortest.scale();
        String sign = real < 0 ? "-" : "";
        if (exponent < -4 || exponent >= 16) {
            String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
            String power = Math.abs(exponent) < 10 ? "0" + Math.abs(exponent) : "" + Math.abs(exponent);
            return sign + digits.charAt(0) + fraction + "e" + (exponent < 0 ? "-" : "+") + power;
        }
        String plain = shortest.abs().toPlainString();
        return sign + plain + (plain.indexOf('.') < 0 ? ".0" : "");
    }

    private static BigDecimal shortest(double real) {
        BigDecimal exact = new BigDecimal(real);
        for (int digits = 1; digits < 17; digits++) {
            // At powers of two the nearest decimal may miss the value where the next one up or down does not.
            for (RoundingMode mode : new RoundingMode[] {RoundingMode.HALF_EVEN, RoundingMode.UP, RoundingMode.DOWN}) {
                BigDecimal rounded = exact.round(new MathContext(digits, mode));
                if (rounded.doubleValue() == real) {
                    return rounded;
                }
            }
        }
        return exact.round(new MathContext(17));
    }
}
