package io.sliminfer.prune;

import java.math.BigDecimal;

/**
 * How many tokens stay live after a pruning layer: a number of tokens, a share of the prompt, or as many as hold a share of the
 * score, between two of the former.
 */
public sealed interface Budget {

    /** Most tokens that the budget has room for in a prompt of {@code promptTokens} tokens. */
    int tokens(int promptTokens);

    /** A budget that follows from the prompt's length alone. */
    sealed interface Fixed extends Budget {}

    /** A fixed number of tokens, at least 1. */
    record Tokens(int count) implements Fixed {
        public Tokens {
            if (count < 1) {
                throw new IllegalArgumentException(
                        "a pruning budget of " + count + " tokens is not allowed: use 1 or more");
            }
        }

        @Override
        public int tokens(int promptTokens) {
            return count;
        }

        @Override
        public String toString() {
            return Integer.toString(count);
        }
    }

    /** A share of the prompt in (0, 1]: {@code floor(share * promptTokens)} tokens. */
    record Share(double value) implements Fixed {
        public Share {
            if (!(value > 0 && value <= 1)) {
                throw new IllegalArgumentException("a pruning budget of " + value
                        + " of the prompt is not allowed: use a share above 0 and at most 1");
            }
        }

        @Override
        public int tokens(int promptTokens) {
            return (int) Math.floor(value * promptTokens);
        }

        @Override
        public String toString() {
            return plain(value);
        }
    }

    /**
     * As many of the best candidates as hold a share of all candidates' scores, at least what the floor has room for and at most
     * what the ceiling has ({@link MassCount}).
     *
     * @param mass in (0, 1]; 1 keeps whatever the ceiling has room for
     */
    record Mass(double mass, Fixed floor, Fixed ceiling) implements Budget {
        public Mass {
            if (!(mass > 0 && mass <= 1)) {
                throw new IllegalArgumentException("a pruning mass of " + mass
                        + " is not allowed: use a share of the score above 0 and at most 1");
            }
            // Of different kinds, which one is larger depends on the prompt; then the ceiling has the last word.
            boolean inverted = floor instanceof Tokens from && ceiling instanceof Tokens to
                    ? from.count() > to.count()
                    : floor instanceof Share low && ceiling instanceof Share high && low.value() > high.value();
            if (inverted) {
                throw new IllegalArgumentException("the floor " + floor + " of a pruning mass is above its ceiling "
                        + ceiling + ": exchange them, or use one number for both");
            }
        }

        /** The ceiling's. */
        @Override
        public int tokens(int promptTokens) {
            return ceiling.tokens(promptTokens);
        }

        @Override
        public String toString() {
            return "p" + plain(mass) + ":" + floor + "-" + ceiling;
        }
    }

    /**
     * Reads {@code "0.25"} (a share: the text has a decimal point), {@code "2048"} (tokens) or {@code "p0.9:0.125-0.5"} (a mass of
     * 0.9 with floor and ceiling).
     *
     * @throws IllegalArgumentException naming the text and the form that is expected
     */
    static Budget parse(String text) {
        String budget = text.strip();
        return budget.startsWith("p") ? parseMass(budget) : parseFixed(text);
    }

    private static Mass parseMass(String text) {
        String[] parts = text.substring(1).split(":", -1);
        String[] range = parts[parts.length - 1].split("-", -1);
        if (parts.length != 2 || range.length != 2 || !isDecimal(parts[0].strip())) {
            throw new IllegalArgumentException("pruning budget '" + text
                    + "' is no mass with floor and ceiling, such as p0.9:0.125-0.5 (the blocks that hold 0.9 of the score,"
                    + " between an eighth and a half of the prompt)");
        }
        return new Mass(Double.parseDouble(parts[0].strip()), parseFixed(range[0]), parseFixed(range[1]));
    }

    /**
     * Reads a share or a number of tokens.
     *
     * @throws IllegalArgumentException naming the text and the two forms
     */
    static Fixed parseFixed(String text) {
        String budget = text.strip();
        if (isDecimal(budget) && budget.contains(".")) {
            return new Share(Double.parseDouble(budget));
        }
        try {
            return new Tokens(Integer.parseInt(budget));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("pruning budget '" + text
                    + "' is neither a number of tokens such as 2048 nor a share of the prompt such as 0.25");
        }
    }

    /** Digits and a point only: Java's own parser would also take "0.5f" or "0x1.0p-1". */
    private static boolean isDecimal(String text) {
        return text.matches("-?[0-9]*\\.[0-9]+|-?[0-9]+\\.?");
    }

    /** Without exponent, so that the text can be parsed again. */
    private static String plain(double value) {
        return BigDecimal.valueOf(value).toPlainString();
    }
}
