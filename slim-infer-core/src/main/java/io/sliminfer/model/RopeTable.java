package io.sliminfer.model;

import io.sliminfer.format.RopeConfig;

/**
 * Angles of rotary position embedding (arXiv 2104.09864) with the scalings that published models use. Frequencies and angles are
 * rounded to float32 where transformers rounds them: at position 16,000 an angle in double differs by a thousandth.
 */
final class RopeTable {

    private final float[] frequencies;
    private final float factor;

    RopeTable(RopeConfig rope, int headDim) {
        frequencies = new float[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = 1f / (float) Math.pow(rope.theta(), (float) (2 * i) / headDim);
        }
        float attentionFactor = 1;
        if (rope.scaling() instanceof RopeConfig.Linear linear) {
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] = (float) (frequencies[i] / linear.factor());
            }
        } else if (rope.scaling() instanceof RopeConfig.Divisors divisors) {
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] /= divisors.divisors().get(i);
            }
        } else if (rope.scaling() instanceof RopeConfig.Llama3 llama3) {
            scale(llama3);
        } else if (rope.scaling() instanceof RopeConfig.Yarn yarn) {
            scale(yarn, rope.theta(), headDim);
            attentionFactor = (float) yarn.attentionFactor();
        }
        factor = attentionFactor;
    }

    /** Llama 3.1: long waves are stretched, short ones kept, those between blended. */
    private void scale(RopeConfig.Llama3 llama3) {
        double low = llama3.lowFrequencyFactor();
        double high = llama3.highFrequencyFactor();
        double original = llama3.originalMaxPositions();
        for (int i = 0; i < frequencies.length; i++) {
            double frequency = frequencies[i];
            double wave = 2 * Math.PI / frequency;
            if (wave > original / low) {
                frequencies[i] = (float) (frequency / llama3.factor());
            } else if (wave >= original / high) {
                double smooth = (original / wave - low) / (high - low);
                frequencies[i] = (float) ((1 - smooth) * frequency / llama3.factor() + smooth * frequency);
            }
        }
    }

    /** YaRN (arXiv 2309.00071, section 3.2): a ramp over the dimensions from kept to stretched frequencies. */
    private void scale(RopeConfig.Yarn yarn, double theta, int headDim) {
        double from = dimensionOf(yarn.betaFast(), yarn.originalMaxPositions(), theta, headDim);
        double to = dimensionOf(yarn.betaSlow(), yarn.originalMaxPositions(), theta, headDim);
        if (yarn.truncate()) {
            from = Math.floor(from);
            to = Math.ceil(to);
        }
        from = Math.max(from, 0);
        to = Math.min(to, headDim - 1);
        if (from == to) {
            to += 0.001; // as transformers avoids the division by zero
        }
        for (int i = 0; i < frequencies.length; i++) {
            double stretched = Math.min(1, Math.max(0, (i - from) / (to - from)));
            double kept = frequencies[i];
            frequencies[i] = (float) (kept / yarn.factor() * stretched + kept * (1 - stretched));
        }
    }

    /** The dimension that turns {@code rotations} times over the original context. */
    private static double dimensionOf(double rotations, int positions, double theta, int headDim) {
        return headDim * Math.log(positions / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    /** Columns of {@link #fill}. */
    int columns() {
        return 2 * frequencies.length;
    }

    /** The row of a position: cosines, then sines. */
    void fill(float[] row, int at, int position) {
        int half = frequencies.length;
        for (int i = 0; i < half; i++) {
            float angle = position * frequencies[i];
            row[at + i] = (float) Math.cos(angle) * factor;
            row[at + half + i] = (float) Math.sin(angle) * factor;
        }
    }
}
