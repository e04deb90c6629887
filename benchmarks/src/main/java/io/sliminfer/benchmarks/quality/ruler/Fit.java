package io.sliminfer.benchmarks.quality.ruler;

import java.util.function.IntUnaryOperator;

/** Finds how much filler a prompt of a given length takes. */
final class Fit {

    private static final int FIRST_GUESS = 64;

    private Fit() {}

    /**
     * The largest number of units whose prompt has at most {@code limit} tokens. A prompt's tokens rise with its units, but for a few
     * at the seams.
     *
     * @param most   units there are
     * @param tokens prompt tokens for a number of units
     * @param task   for the message
     * @throws IllegalArgumentException if not even a prompt without filler fits
     */
    static int units(int limit, int most, String task, IntUnaryOperator tokens) {
        int smallest = tokens.applyAsInt(0);
        if (smallest > limit) {
            throw new IllegalArgumentException(
                    "task " + task + " needs " + smallest + " prompt tokens without any filler; " + limit
                            + " are left of the length after the answer's: use a longer --lengths");
        }
        int fits = 0;
        int tooMany = Math.min(FIRST_GUESS, most);
        while (tokens.applyAsInt(tooMany) <= limit) {
            fits = tooMany;
            if (fits == most) {
                return fits;
            }
            tooMany = (int) Math.min(2L * tooMany, most);
        }
        while (tooMany - fits > 1) {
            int middle = fits + (tooMany - fits) / 2;
            if (tokens.applyAsInt(middle) <= limit) {
                fits = middle;
            } else {
                tooMany = middle;
            }
        }
        return fits;
    }
}
