package io.sliminfer.prune;

import java.math.BigDecimal;

/**
 * How many tokens stay live after a pruning layer: a number of tokens, or a share of the prompt.
 */
public sealed interface Budget {

    /** The budget in tokens for a prompt of {@code promptTokens} tokens. */
    int tokens(int promptTokens);

    /** A fixed number of tokens, at least 1. */
    record Tokens(int count) implements Budget {
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
    record Share(double value) implements Budget {
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
            // Without exponent, so that the text can be parsed again.
            return BigDecimal.valueOf(value).toPlainString();
        }
    }

    /**
     * Reads {@code "0.25"} (a share: the text has a decimal point) or {@code "2048"} (tokens).
     *
     * @throws IllegalArgumentException naming the text and the two forms
     */
    static Budget parse(String text) {
        String budget = text.strip();
        // Digits only: Java's own parser would also take "0.5f" or "0x1.0p-1".
        if (budget.matches("-?[0-9]*\\.[0-9]+|-?[0-9]+\\.")) {
            return new Share(Double.parseDouble(budget));
        }
        try {
            return new Tokens(Integer.parseInt(budget));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("pruning budget '" + text
                    + "' is neither a number of tokens such as 2048 nor a share of the prompt such as 0.25");
        }
    }
}
