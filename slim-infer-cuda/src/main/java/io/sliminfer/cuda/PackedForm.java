package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import io.sliminfer.format.GgufType;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a weight lies packed in device memory; the layouts are at the head of {@code packed.cu}.
 */
enum PackedForm {
    /** Signed, with a float32 scale for each row, in memory of its own. */
    INT8(0, 4096),
    Q8_0(1, 4352),
    Q4_0(2, 2304),
    Q4_1(3, 2560),
    Q5_0(4, 2816),
    Q5_1(5, 3072),
    Q4_K(6, 2368),
    Q5_K(7, 2880),
    Q6_K(8, 3360);

    /** Rows of a tile: parts of a weight begin with one. */
    static final int TILE_ROWS = 16;

    private static final int PIECE_COLUMNS = 256;

    /** Rows of a weight are whole blocks of this many columns. */
    private static final int BLOCK_COLUMNS = 32;

    private static final int WARPS = 8;
    private static final int STAGES_MIN = 2;
    private static final int STAGES_MAX = 6;

    /** More are slower: they take the shared memory in which the kernel behind begins (docs/kernels/decode.md). */
    private static final int ONE_ROW_STAGES_MAX = 3;

    /** Sums of the kernel's own, and what the driver takes of a block. */
    private static final int OTHER_SHARED_BYTES = 11_264;

    /** Of the 228 KiB of an H100's multiprocessor, so that it has two blocks. */
    private static final int SHARED_BYTES_MAX = 114 << 10;

    /** The macro FORM. */
    private final int code;

    private final int pieceBytes;

    PackedForm(int code, int pieceBytes) {
        this.code = code;
        this.pieceBytes = pieceBytes;
    }

    /** The form that keeps a file's blocks exactly, or null if there is none. */
    static @Nullable PackedForm of(GgufType type) {
        return switch (type) {
            case Q8_0 -> Q8_0;
            case Q4_0 -> Q4_0;
            case Q4_1 -> Q4_1;
            case Q5_0 -> Q5_0;
            case Q5_1 -> Q5_1;
            case Q4_K -> Q4_K;
            case Q5_K -> Q5_K;
            case Q6_K -> Q6_K;
            case F32, F16, BF16 -> null;
        };
    }

    static boolean fits(long columns) {
        return columns % BLOCK_COLUMNS == 0;
    }

    /** Bytes of a tile: 16 rows. */
    long tileBytes(long columns) {
        return (columns + PIECE_COLUMNS - 1) / PIECE_COLUMNS * pieceBytes;
    }

    /** Memory of a matrix, without scales of rows. */
    long bytes(long rows, long columns) {
        return (rows + TILE_ROWS - 1) / TILE_ROWS * tileBytes(columns);
    }

    /** Memory of scales of rows: whole tiles. */
    long scaleBytes(long rows) {
        return this == INT8 ? (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS * Float.BYTES : 0;
    }

    /**
     * Pieces that a warp has on their way.
     *
     * @param sharedBytesMax of a block
     */
    int stages(int sharedBytesMax) {
        int room = Math.min(sharedBytesMax, SHARED_BYTES_MAX) - OTHER_SHARED_BYTES;
        return Math.max(STAGES_MIN, Math.min(STAGES_MAX, room / (WARPS * pieceBytes)));
    }

    /** Whether products of one row have kernels of their own. */
    boolean hasOneRow(DType compute) {
        return this != INT8 && compute != DType.F32;
    }

    /** Of {@code stages}, those that products of one row use. */
    static int oneRowStages(int stages) {
        return Math.min(stages, ONE_ROW_STAGES_MAX);
    }

    /** Dynamic shared memory of a block; none in float32. */
    int sharedBytes(int stages) {
        return WARPS * stages * pieceBytes;
    }

    static int threads() {
        return 32 * WARPS;
    }

    Map<String, Integer> defines(int dtypeCode, int stages) {
        return Map.of("DTYPE", dtypeCode, "FORM", code, "STAGES", stages, "ONE_STAGES", oneRowStages(stages));
    }
}
