package io.sliminfer.grammar.json;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A set of Unicode characters (code points without surrogates) as rising ranges. Immutable.
 *
 * @param bounds first and last character of each range, in turns
 */
record CharRanges(int... bounds) {

    static final int LAST = 0x10ffff;

    static final CharRanges ALL = of(0, LAST);
    static final CharRanges NONE = new CharRanges();

    /** A range, without the surrogates in it. */
    static CharRanges of(int low, int high) {
        List<int[]> ranges = new ArrayList<>();
        if (low < 0xd800) {
            ranges.add(new int[] {low, Math.min(high, 0xd7ff)});
        }
        if (high > 0xdfff) {
            ranges.add(new int[] {Math.max(low, 0xe000), high});
        }
        return union(ranges);
    }

    static CharRanges of(String characters) {
        CharRanges all = NONE;
        for (int c : characters.codePoints().toArray()) {
            all = all.or(of(c, c));
        }
        return all;
    }

    CharRanges or(CharRanges other) {
        List<int[]> ranges = ranges();
        ranges.addAll(other.ranges());
        return union(ranges);
    }

    /** All other characters. */
    CharRanges not() {
        CharRanges others = NONE;
        int next = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            if (bounds[i] > next) {
                others = others.or(of(next, bounds[i] - 1));
            }
            next = bounds[i + 1] + 1;
        }
        return next <= LAST ? others.or(of(next, LAST)) : others;
    }

    private List<int[]> ranges() {
        List<int[]> ranges = new ArrayList<>();
        for (int i = 0; i < bounds.length; i += 2) {
            ranges.add(new int[] {bounds[i], bounds[i + 1]});
        }
        return ranges;
    }

    private static CharRanges union(List<int[]> ranges) {
        ranges.sort((a, b) -> Integer.compare(a[0], b[0]));
        int[] bounds = new int[2 * ranges.size()];
        int count = 0;
        for (int[] range : ranges) {
            if (range[0] > range[1]) {
                continue;
            }
            if (count > 0 && range[0] <= bounds[count - 1] + 1) {
                bounds[count - 1] = Math.max(bounds[count - 1], range[1]);
            } else {
                bounds[count++] = range[0];
                bounds[count++] = range[1];
            }
        }
        return new CharRanges(Arrays.copyOf(bounds, count));
    }

    boolean isEmpty() {
        return bounds.length == 0;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CharRanges ranges && Arrays.equals(bounds, ranges.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }
}
