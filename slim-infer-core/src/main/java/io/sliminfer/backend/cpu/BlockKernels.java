package io.sliminfer.backend.cpu;

import io.sliminfer.prune.PruneShape;
import java.util.Arrays;

/**
 * The parts of a pruning decision that work on host arrays (SlimInfer, arXiv 2508.06447; {@code docs/algorithm.md}, Prefill 2). Units are
 * numbered through all live blocks in rank order. Stateless.
 */
public final class BlockKernels {

    private BlockKernels() {}

    /** Units of all live blocks. Each block starts a unit of its own, so the last unit of a block may be short. */
    public static int units(PruneShape shape) {
        return (shape.liveBlocks() - 1) * unitsOf(shape.block(), shape.unit())
                + unitsOf(shape.tokensOf(shape.liveBlocks() - 1), shape.unit());
    }

    /** The first unit of the block with this rank. */
    public static int firstUnit(PruneShape shape, int rank) {
        return rank * unitsOf(shape.block(), shape.unit());
    }

    /** Units of {@code tokens} tokens of one block. */
    public static int unitsOf(int tokens, int unit) {
        return (tokens + unit - 1) / unit;
    }

    /**
     * Mean keys of one block's units for one KV head: {@code means[meansAt + u * headDim + i]}.
     *
     * @param keys    the block's keys; token t starts at {@code keysAt + t * keyStride}
     * @param tokens  tokens in the block
     */
    public static void unitMeans(
            float[] means, int meansAt, float[] keys, int keysAt, int keyStride, int tokens, int unit, int headDim) {
        for (int first = 0, mean = meansAt; first < tokens; first += unit, mean += headDim) {
            int count = Math.min(unit, tokens - first);
            Arrays.fill(means, mean, mean + headDim, 0);
            for (int t = 0; t < count; t++) {
                int key = keysAt + (first + t) * keyStride;
                for (int i = 0; i < headDim; i++) {
                    means[mean + i] += keys[key + i];
                }
            }
            float scale = 1f / count;
            for (int i = 0; i < headDim; i++) {
                means[mean + i] *= scale;
            }
        }
    }

    /**
     * Each live block's score: the highest, the mean or the sum of its units' scores.
     *
     * @param unitScores one for each unit, in order
     */
    public static void blockScores(float[] scores, float[] unitScores, PruneShape shape) {
        for (int rank = 0; rank < shape.liveBlocks(); rank++) {
            int units = unitsOf(shape.tokensOf(rank), shape.unit());
            int first = firstUnit(shape, rank);
            scores[rank] = switch (shape.aggregation()) {
                case MAX -> RowKernels.max(unitScores, first, units);
                case MEAN -> sum(unitScores, first, units) / units;
                case SUM -> sum(unitScores, first, units);
            };
        }
    }

    private static float sum(float[] values, int first, int count) {
        float sum = 0;
        for (int i = first; i < first + count; i++) {
            sum += values[i];
        }
        return sum;
    }

    /** The ranks that stay, ascending: protected ones and the best candidates, the lower rank first among equal scores. */
    public static void select(int[] kept, float[] scores, PruneShape shape) {
        long[] order = new long[shape.candidates()];
        for (int i = 0; i < order.length; i++) {
            int rank = shape.headBlocks() + i;
            // Upper half: the score's bits, falling; lower half: the rank. + 0 makes -0 and 0 one score.
            int bits = Float.floatToIntBits(scores[rank] + 0f);
            int rising = bits ^ (bits >> 31 & 0x7fffffff);
            order[i] = (long) ~rising << 32 | rank;
        }
        Arrays.sort(order);
        int count = 0;
        for (int rank = 0; rank < shape.headBlocks(); rank++) {
            kept[count++] = rank;
        }
        for (int i = 0; i < shape.keptCandidates(); i++) {
            kept[count++] = (int) order[i];
        }
        Arrays.sort(kept, shape.headBlocks(), count);
        for (int rank = shape.liveBlocks() - shape.tailBlocks(); rank < shape.liveBlocks(); rank++) {
            kept[count++] = rank;
        }
    }
}
