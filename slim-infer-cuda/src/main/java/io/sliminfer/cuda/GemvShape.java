package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import java.util.Map;

/**
 * The macros of {@code gemv.cu}: a block's warps, the pieces of weights that each has on their way, and a piece's columns. What was
 * fastest where (docs/kernels/decode.md).
 */
record GemvShape(int warps, int stages, int depth) {

    /** Rows of the weight that a block makes at once. */
    static final int TILE_ROWS = 16;

    /** The fastest on an H100; two blocks fit on a multiprocessor. */
    private static final GemvShape DEEP = new GemvShape(8, 3, 128);

    /** Fits in the 99 KiB that a block can have on consumer cards. */
    private static final GemvShape SMALL = new GemvShape(8, 4, 64);

    /**
     * @param sharedBytesMax of a block
     */
    static GemvShape of(int sharedBytesMax) {
        return DEEP.dynamicBytes() + DEEP.sumBytes() <= sharedBytesMax ? DEEP : SMALL;
    }

    Map<String, Integer> defines(DType compute) {
        return Map.of("DTYPE", Kernels.code(compute), "WARPS", warps, "STAGES", stages, "DEPTH", depth);
    }

    int threads() {
        return 32 * warps;
    }

    /** Dynamic shared memory of a block. */
    int sharedBytes(DType compute) {
        return compute == DType.F32 ? 0 : dynamicBytes();
    }

    private int dynamicBytes() {
        return warps * stages * TILE_ROWS * depth * 2;
    }

    /** What the kernel declares itself: two buffers of sums, 8 rows of 20 floats a warp. */
    private int sumBytes() {
        return 2 * warps * 8 * 20 * 4;
    }

    /**
     * Blocks of a launch: few tiles are shared by the blocks that are resident at once, so that no wave is nearly empty; many go one
     * to a block.
     *
     * @param resident blocks that are resident at once
     */
    static int grid(int n, int resident) {
        int tiles = Kernels.up(n, TILE_ROWS);
        return tiles < 2 * resident ? Math.min(tiles, resident) : tiles;
    }
}
