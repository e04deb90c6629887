package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import java.util.Set;

/**
 * All that a matrix product {@code Y[m,n] = X[m,k] W[n,k]^T} must have in common with another to be run by the same algorithm.
 *
 * @param type       of x and w
 * @param xLd        elements from one row of x to the next; wLd and yLd likewise
 * @param alignment  bytes that all three addresses are multiples of, at most {@link #ALIGNMENT_MAX}
 * @param accumulate whether the product is added to Y
 */
record GemmShape(
        DType type, DType yType, int m, int n, int k, long xLd, long wLd, long yLd, int alignment, boolean accumulate) {

    /** More has no use: vector loads take 16 bytes, and so do bulk copies. */
    static final int ALIGNMENT_MAX = 16;

    private static final int EXACT_MAX = 16;
    private static final int POWERS_MAX = 1024;
    private static final int CLASS_MAX = 8192;

    GemmShape {
        if (type == DType.I32 || (yType != type && yType != DType.F32)) {
            throw new IllegalArgumentException(
                    "a product of " + type + " in " + yType + ": x and w are BF16, F16 or F32, y the same or F32");
        }
        if (m < 1 || n < 1 || k < 1 || xLd < k || wLd < k || yLd < n) {
            throw new IllegalArgumentException("no matrix product: m=" + m + ", n=" + n + ", k=" + k
                    + ", rows of x, w, y are " + xLd + ", " + wLd + ", " + yLd + " elements apart");
        }
    }

    /** Rows that follow each other without a gap. */
    static GemmShape dense(DType type, DType yType, int m, int n, int k, boolean accumulate) {
        return new GemmShape(type, yType, m, n, k, k, k, n, ALIGNMENT_MAX, accumulate);
    }

    static int alignmentOf(long y, long x, long w) {
        return (int) Math.min(ALIGNMENT_MAX, Long.lowestOneBit(y | x | w | ALIGNMENT_MAX));
    }

    /**
     * The shape that is measured for this one. Every m up to 16 is a decode batch of its own. Above, the best algorithm changes
     * slowly with m, and a prompt can have any length: to measure each one would cost a first token more than it could win.
     *
     * @param exactRows numbers of rows that are worth a measurement of their own, such as a full prefill tile's
     */
    GemmShape measured(Set<Integer> exactRows) {
        int rows = exactRows.contains(m) ? m : rowClass(m);
        return new GemmShape(type, yType, rows, n, k, xLd, wLd, yLd, alignment, accumulate);
    }

    /** Exact to 16, powers of two to 1,024, multiples of 1,024 to 8,192 and no larger: there the GPU has been full for long. */
    static int rowClass(int m) {
        if (m <= EXACT_MAX) {
            return m;
        }
        if (m <= POWERS_MAX) {
            return Integer.highestOneBit(m - 1) << 1;
        }
        return Math.min(CLASS_MAX, (m + POWERS_MAX - 1) / POWERS_MAX * POWERS_MAX);
    }

    /** A word for files: the same text, the same shape. */
    String text() {
        return String.join(
                "-",
                type.name(),
                yType.name(),
                "m" + m,
                "n" + n,
                "k" + k,
                "x" + xLd,
                "w" + wLd,
                "y" + yLd,
                "a" + alignment,
                accumulate ? "add" : "set");
    }

    long xBytes() {
        return bytes(m, xLd, k, type);
    }

    long wBytes() {
        return bytes(n, wLd, k, type);
    }

    long yBytes() {
        return bytes(m, yLd, n, yType);
    }

    private static long bytes(long rows, long ld, long columns, DType type) {
        return ((rows - 1) * ld + columns) * type.bytes();
    }
}
