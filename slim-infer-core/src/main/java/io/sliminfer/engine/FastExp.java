package io.sliminfer.engine;

/**
 * The exponential of numbers from -700 to 0, to ten digits: 2^(k/64) from a table, the rest by a polynomial. A vocabulary's worth of
 * {@link Math#exp} would take longer than a decode step may.
 */
final class FastExp {

    private static final int STEPS = 64;
    private static final double STEPS_PER_UNIT = STEPS / Math.log(2);
    private static final double UNIT = Math.log(2) / STEPS;
    private static final double[] POWERS = new double[STEPS];

    static {
        for (int i = 0; i < STEPS; i++) {
            POWERS[i] = Math.pow(2, (double) i / STEPS);
        }
    }

    private FastExp() {}

    static double of(double x) {
        int steps = (int) (x * STEPS_PER_UNIT - 0.5); // x <= 0: rounds to the nearest
        double rest = x - steps * UNIT;
        // |rest| <= ln(2) / 128 = 0.0055, so the first term left out is below 4e-11.
        double polynomial = 1 + rest * (1 + rest * (0.5 + rest * (1.0 / 6)));
        double power = POWERS[steps & (STEPS - 1)];
        return Double.longBitsToDouble(Double.doubleToRawLongBits(power) + ((long) (steps >> 6) << 52)) * polynomial;
    }
}
