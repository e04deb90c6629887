package io.sliminfer.grammar.json;

import static io.sliminfer.grammar.json.Regex.any;
import static io.sliminfer.grammar.json.Regex.chars;
import static io.sliminfer.grammar.json.Regex.choice;
import static io.sliminfer.grammar.json.Regex.repeat;
import static io.sliminfer.grammar.json.Regex.sequence;
import static io.sliminfer.grammar.json.Regex.text;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How numbers are written. An integer has neither fraction nor exponent. A number has up to {@value #DIGITS} digits before the point
 * and as many behind it, and an exponent of up to two digits, so that it is finite as a double and a model cannot go on writing
 * digits for ever. Where a number has bounds or is a multiple, it is written without an exponent, and zero without a sign.
 */
final class NumberText {

    private static final int DIGITS = 19;

    private static final Regex DIGIT = chars('0', '9');
    private static final Regex SOME_DIGITS = repeat(DIGIT, 1, DIGITS);
    private static final Regex WHOLE = choice(text("0"), sequence(chars('1', '9'), repeat(DIGIT, 0, DIGITS - 1)));
    private static final Regex PLAIN = sequence(WHOLE, repeat(sequence(text("."), SOME_DIGITS), 0, 1));

    private NumberText() {}

    /** Any number. */
    static CharDfa number() {
        Regex exponent =
                sequence(chars(CharRanges.of("eE")), repeat(chars(CharRanges.of("+-")), 0, 1), repeat(DIGIT, 1, 2));
        return CharDfa.of(sequence(repeat(text("-"), 0, 1), PLAIN, repeat(exponent, 0, 1)));
    }

    /** Integers in a range, ends included. */
    static CharDfa integers(BigInteger low, BigInteger high) {
        List<Regex> parts = new ArrayList<>();
        if (high.signum() >= 0) {
            parts.add(naturals(low.max(BigInteger.ZERO), high));
        }
        if (low.signum() < 0) {
            BigInteger least = high.negate().max(BigInteger.ONE);
            parts.add(sequence(text("-"), naturals(least, low.negate())));
        }
        return CharDfa.of(choice(parts));
    }

    /** Nothing if {@code low > high}. */
    private static Regex naturals(BigInteger low, BigInteger high) {
        List<Regex> lengths = new ArrayList<>();
        for (int digits = low.toString().length(); digits <= high.toString().length(); digits++) {
            BigInteger first = digits == 1 ? BigInteger.ZERO : BigInteger.TEN.pow(digits - 1);
            BigInteger last = BigInteger.TEN.pow(digits).subtract(BigInteger.ONE);
            BigInteger from = low.max(first);
            BigInteger to = high.min(last);
            if (from.compareTo(to) <= 0) {
                lengths.add(digits(from.toString(), to.toString()));
            }
        }
        return choice(lengths);
    }

    /** Texts of digits between two of the same length. */
    private static Regex digits(String low, String high) {
        if (low.chars().allMatch(c -> c == '0') && high.chars().allMatch(c -> c == '9')) {
            return repeat(DIGIT, low.length(), low.length());
        }
        char first = low.charAt(0);
        char last = high.charAt(0);
        String lowRest = low.substring(1);
        String highRest = high.substring(1);
        if (first == last) {
            return sequence(chars(first, first), digits(lowRest, highRest));
        }
        List<Regex> parts = new ArrayList<>();
        parts.add(sequence(chars(first, first), digits(lowRest, "9".repeat(lowRest.length()))));
        if (first + 1 < last) {
            parts.add(sequence(chars(first + 1, last - 1), repeat(DIGIT, lowRest.length(), lowRest.length())));
        }
        parts.add(sequence(chars(last, last), digits("0".repeat(highRest.length()), highRest)));
        return choice(parts);
    }

    /**
     * A bound of a range.
     *
     * @param inclusive whether the value itself is allowed
     */
    record Bound(BigDecimal value, boolean inclusive) {

        Bound negated() {
            return new Bound(value.negate(), inclusive);
        }

        /** The tighter of two lower bounds. */
        static @Nullable Bound higher(@Nullable Bound a, @Nullable Bound b) {
            if (a == null || b == null) {
                return a == null ? b : a;
            }
            int order = a.value.compareTo(b.value);
            return order == 0 ? (a.inclusive ? b : a) : order > 0 ? a : b;
        }

        /** The tighter of two upper bounds. */
        static @Nullable Bound lower(@Nullable Bound a, @Nullable Bound b) {
            Bound higher = higher(a == null ? null : a.negated(), b == null ? null : b.negated());
            return higher == null ? null : higher.negated();
        }
    }

    /** Numbers in a range. */
    static CharDfa numbers(@Nullable Bound low, @Nullable Bound high) {
        List<Regex> parts = new ArrayList<>();
        CharDfa plain = CharDfa.of(PLAIN);
        if (high == null || high.value().signum() >= 0) {
            CharDfa positive = plain;
            if (low != null && low.value().signum() >= 0) {
                positive = positive.and(CharDfa.of(atLeast(low)));
            }
            if (high != null) {
                positive = positive.and(CharDfa.of(atMost(high)));
            }
            parts.add(Regex.of(positive));
        }
        if (low == null || low.value().signum() < 0) {
            Bound least =
                    high != null && high.value().signum() < 0 ? high.negated() : new Bound(BigDecimal.ZERO, false);
            CharDfa negative = plain.and(CharDfa.of(atLeast(least)));
            if (low != null) {
                negative = negative.and(CharDfa.of(atMost(low.negated())));
            }
            parts.add(sequence(text("-"), Regex.of(negative)));
        }
        return CharDfa.of(choice(parts));
    }

    /** Whole part of a bound that is not negative. */
    private static BigInteger whole(Bound bound) {
        return bound.value().toBigInteger();
    }

    /** Digits behind the point, without zeros at their end. */
    private static String fraction(Bound bound) {
        BigDecimal rest = bound.value().subtract(new BigDecimal(whole(bound)));
        return rest.signum() == 0
                ? ""
                : rest.stripTrailingZeros().toPlainString().substring(2);
    }

    /** Texts of numbers that are at least a bound that is not negative; more texts than numbers. */
    private static Regex atLeast(Bound bound) {
        String fraction = fraction(bound);
        BigInteger whole = whole(bound);
        Regex anyFraction = repeat(sequence(text("."), any(DIGIT)), 0, 1);
        BigInteger most =
                BigInteger.TEN.pow(Math.max(DIGITS, whole.toString().length())).subtract(BigInteger.ONE);
        Regex above = sequence(naturals(whole.add(BigInteger.ONE), most), anyFraction);
        Regex notZero = sequence(any(text("0")), chars('1', '9'), any(DIGIT));
        Regex equal;
        if (fraction.isEmpty()) {
            equal = bound.inclusive() ? anyFraction : sequence(text("."), notZero);
        } else {
            Regex rest = bound.inclusive() ? any(DIGIT) : notZero;
            for (int i = fraction.length() - 1; i >= 0; i--) {
                char digit = fraction.charAt(i);
                Regex same = sequence(chars(digit, digit), rest);
                rest = digit < '9' ? choice(same, sequence(chars(digit + 1, '9'), any(DIGIT))) : same;
            }
            equal = sequence(text("."), rest);
        }
        return choice(above, sequence(text(whole.toString()), equal));
    }

    /** Texts of numbers that are at most a bound that is not negative; more texts than numbers. */
    private static Regex atMost(Bound bound) {
        String fraction = fraction(bound);
        BigInteger whole = whole(bound);
        Regex anyFraction = repeat(sequence(text("."), any(DIGIT)), 0, 1);
        List<Regex> parts = new ArrayList<>();
        if (whole.signum() > 0) {
            parts.add(sequence(naturals(BigInteger.ZERO, whole.subtract(BigInteger.ONE)), anyFraction));
        }
        Regex zeros = any(text("0"));
        if (fraction.isEmpty()) {
            if (bound.inclusive()) {
                parts.add(sequence(text(whole.toString()), repeat(sequence(text("."), zeros), 0, 1)));
            }
        } else {
            // Behind the last digit only zeros; before it, a text may end, as what is missing is more than nothing.
            Regex rest = bound.inclusive() ? zeros : null;
            for (int i = fraction.length() - 1; i >= 0; i--) {
                char digit = fraction.charAt(i);
                List<Regex> ways = new ArrayList<>();
                if (rest != null) {
                    ways.add(sequence(chars(digit, digit), rest));
                }
                if (digit > '0') {
                    ways.add(sequence(chars('0', digit - 1), any(DIGIT)));
                }
                Regex further = choice(ways);
                rest = i > 0 ? repeat(further, 0, 1) : further;
            }
            parts.add(sequence(text(whole.toString()), repeat(sequence(text("."), rest), 0, 1)));
        }
        return choice(parts);
    }

    /**
     * Texts whose digits are a multiple: of {@code factor}, with up to {@code decimals} digits behind the point and the value counted
     * in units of the last of them. A state is how many digits are behind the point and the remainder so far.
     */
    static CharDfa multiples(int factor, int decimals) {
        CharDfa.Moves[] moves = new CharDfa.Moves[factor * (decimals + 1) + 2];
        BitSet accepts = new BitSet();
        int start = 0;
        int sign = 1;
        for (int i = 0; i < moves.length; i++) {
            moves[i] = new CharDfa.Moves();
        }
        for (int state : new int[] {start, sign}) {
            if (state == start) {
                moves[start].add('-', '-', sign);
            }
            for (int digit = 0; digit < 10; digit++) {
                moves[state].add('0' + digit, '0' + digit, 2 + digit % factor);
            }
        }
        for (int behind = 0; behind <= decimals; behind++) {
            BigInteger scale = BigInteger.TEN.pow(decimals - behind);
            for (int rest = 0; rest < factor; rest++) {
                int state = 2 + behind * factor + rest;
                accepts.set(
                        state,
                        BigInteger.valueOf(rest)
                                        .multiply(scale)
                                        .mod(BigInteger.valueOf(factor))
                                        .signum()
                                == 0);
                // The point itself is a digit that shifts nothing: it is part of the move to the first decimal.
                for (int digit = 0; digit < 10 && (behind == 0 || behind < decimals); digit++) {
                    int to = 2 + (behind == 0 ? 0 : behind + 1) * factor + (rest * 10 + digit) % factor;
                    moves[state].add('0' + digit, '0' + digit, to);
                }
            }
        }
        if (decimals > 0) {
            return withPoint(moves, accepts, factor);
        }
        int[][] all = new int[moves.length][];
        for (int i = 0; i < all.length; i++) {
            all[i] = moves[i].toArray();
        }
        return new CharDfa(all, accepts);
    }

    /** Adds the point between whole part and decimals: from each remainder a state of its own, from which a digit must follow. */
    private static CharDfa withPoint(CharDfa.Moves[] moves, BitSet accepts, int factor) {
        int[][] all = new int[moves.length + factor][];
        for (int rest = 0; rest < factor; rest++) {
            CharDfa.Moves point = new CharDfa.Moves();
            for (int digit = 0; digit < 10; digit++) {
                point.add('0' + digit, '0' + digit, 2 + factor + (rest * 10 + digit) % factor);
            }
            all[moves.length + rest] = point.toArray();
            CharDfa.Moves whole = new CharDfa.Moves();
            whole.add('.', '.', moves.length + rest);
            int[] digits = moves[2 + rest].toArray();
            for (int i = 0; i < digits.length; i += 3) {
                whole.add(digits[i], digits[i + 1], digits[i + 2]);
            }
            all[2 + rest] = whole.toArray();
        }
        for (int i = 0; i < moves.length; i++) {
            if (all[i] == null) {
                all[i] = moves[i].toArray();
            }
        }
        return new CharDfa(all, accepts);
    }
}
