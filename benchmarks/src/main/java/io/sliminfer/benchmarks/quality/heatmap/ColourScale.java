package io.sliminfer.benchmarks.quality.heatmap;

import java.awt.Color;

/** Dark violet for 0 over green to yellow for 1: rising in brightness, so that it reads without colours too. */
final class ColourScale {

    private static final int[] STOPS = {0x440154, 0x3b528b, 0x21918c, 0x5ec962, 0xfde725};

    static final Color NOTHING = new Color(0xd0d0d0);

    private ColourScale() {}

    /** @param score 0 to 1, or NaN */
    static Color of(double score) {
        if (Double.isNaN(score)) {
            return NOTHING;
        }
        double place = Math.max(0, Math.min(1, score)) * (STOPS.length - 1);
        int below = Math.min((int) place, STOPS.length - 2);
        double share = place - below;
        return new Color(
                mix(STOPS[below] >> 16, STOPS[below + 1] >> 16, share),
                mix(STOPS[below] >> 8, STOPS[below + 1] >> 8, share),
                mix(STOPS[below], STOPS[below + 1], share));
    }

    private static int mix(int from, int to, double share) {
        return (int) Math.round((from & 0xff) * (1 - share) + (to & 0xff) * share);
    }
}
