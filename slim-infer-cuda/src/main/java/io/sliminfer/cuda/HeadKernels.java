package io.sliminfer.cuda;

import static io.sliminfer.cuda.Kernels.up;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Kernels that work on heads, for one compute dtype and head size, with their grids (docs/cuda.md, Entry points). Engine thread
 * only.
 */
final class HeadKernels {

    /** Parts that the sums of a scoring pass are made of; one number for all passes of a decision. */
    static final int SCORE_PARTS = 16;

    /** Warps of a block of decode attention. */
    private static final int DECODE_WARPS = 4;

    /** One tile of 16 tokens for each warp of a block. */
    private static final int SPLIT_TOKENS_MIN = 16 * DECODE_WARPS;

    /** Tokens from which on a split keeps a multiprocessor busy alone (docs/kernels/decode.md). */
    private static final int SPLIT_TOKENS_ALONE = 256;

    private static final int SPLITS_MAX = 512;

    /** Tokens in a tile of {@code attend_wgmma.cu}, and how many tiles of keys, and of values, it holds. */
    private static final int WGMMA_TILE = 128;

    private static final int WGMMA_STAGES = 2;

    private final KernelLibrary library;
    private final DType compute;
    private final int headDim;
    private final int vector;
    private final boolean hopper;
    private final Map<String, Integer> defines;

    private final Kernel ropeStore;
    private final Map<Integer, Decode> decode = new HashMap<>();
    private final Kernel unitKeys;
    private final Kernel scoreLogits;
    private final Kernel scoreLogitsFew;
    private final Kernel scoreRows;
    private final Kernel scoreUnits;
    private final Kernel blockScores;
    private final Kernel selectBlocks;
    private final Kernel keepRows;
    private final Kernel argmax;
    private final Kernel attendAny;
    private final @Nullable Kernel attendHopper;

    /** Decode attention of one group size. */
    private record Decode(Kernel attend, Kernel combine) {}

    HeadKernels(KernelLibrary library, DType compute, int headDim, int capability) {
        this.library = library;
        this.compute = compute;
        this.headDim = headDim;
        this.vector = 16 / compute.bytes();
        this.hopper = usesHopper(compute, headDim, capability);
        this.defines = defines(compute, headDim);
        ropeStore = kernel("rope.cu", "rope_store");
        unitKeys = kernel("prune.cu", "unit_keys");
        scoreLogits = kernel("prune.cu", "score_logits");
        scoreLogitsFew = kernel("prune.cu", "score_logits_few");
        scoreRows = kernel("prune.cu", "score_rows");
        scoreUnits = kernel("prune.cu", "score_units");
        blockScores = kernel("prune.cu", "block_scores");
        selectBlocks = kernel("prune.cu", "select_blocks");
        keepRows = kernel("prune.cu", "keep_rows");
        argmax = kernel("prune.cu", "argmax");
        attendAny = kernel(compute == DType.F32 ? "attend_f32.cu" : "attend_mma.cu", "attend_prefill");
        attendHopper = hopper ? kernel("attend_wgmma.cu", "attend_prefill") : null;
    }

    private static Map<String, Integer> defines(DType compute, int headDim) {
        return Map.of("DTYPE", Kernels.code(compute), "HEAD_DIM", headDim);
    }

    private static Map<String, Integer> decodeDefines(DType compute, int headDim, int group) {
        return Map.of(
                "DTYPE",
                Kernels.code(compute),
                "HEAD_DIM",
                headDim,
                "GROUP",
                group,
                "WARPS",
                DECODE_WARPS,
                "STAGES",
                decodeStages(compute));
    }

    /** Tiles that each warp of decode attention has in shared memory. */
    private static int decodeStages(DType compute) {
        return compute == DType.F32 ? 2 : 3;
    }

    /** The groups of 64 query rows that {@code attend_wgmma.cu} has in a block. */
    private static int consumers(int headDim) {
        return headDim == 64 ? 3 : 2;
    }

    private static boolean usesHopper(DType compute, int headDim, int capability) {
        return capability == 90 && compute != DType.F32 && (headDim == 64 || headDim == 128);
    }

    /** What a model with this head size needs, to be compiled together. */
    static List<KernelLibrary.Request> of(DType compute, int headDim, int group, int capability) {
        List<KernelLibrary.Request> requests = new ArrayList<>();
        requests.add(new KernelLibrary.Request("attend_decode.cu", decodeDefines(compute, headDim, group)));
        List<String> files = new ArrayList<>(List.of("rope.cu", "prune.cu"));
        files.add(compute == DType.F32 ? "attend_f32.cu" : "attend_mma.cu");
        if (usesHopper(compute, headDim, capability)) {
            files.add("attend_wgmma.cu");
        }
        for (String file : files) {
            requests.add(new KernelLibrary.Request(file, defines(compute, headDim)));
        }
        return requests;
    }

    /** Refuses head sizes that no kernel is made for. */
    static void require(int headDim) {
        if (headDim % 16 != 0 || headDim > 128) {
            throw new IllegalArgumentException(
                    "head_dim=" + headDim + " of this model is not supported by slim-infer.backend=cuda: it"
                            + " takes multiples of 16 up to 128. Use slim-infer.backend=cpu");
        }
    }

    private Kernel kernel(String file, String entry) {
        return library.kernel(file, entry, defines);
    }

    /** Rows of a box of the pool's tensor map, or 0 where no kernel wants a map. */
    int mapRows(int block) {
        return hopper && block % 16 == 0 ? Math.min(64, Integer.lowestOneBit(block)) : 0;
    }

    void ropeStore(
            CudaStream stream, long q, CudaKvPool pool, CudaTensor qkv, HeadLayout heads, long positions, long view) {
        int rows = (int) qkv.rows();
        ropeStore
                .args()
                .pointer(q)
                .pointer(pool.address())
                .pointer(qkv.address())
                .pointer(positions)
                .pointer(((CudaTensor) heads.rope()).address())
                .pointer(gain(heads.queryNorm()))
                .pointer(gain(heads.keyNorm()))
                .real(heads.normEpsilon())
                .pointer(view)
                .integer(rows)
                .integer(heads.heads())
                .integer(heads.kvHeads())
                .integer(pool.block())
                .wide(pool.slotBytes())
                .launch(stream, rows, rows >= 512 ? 1 : up(heads.heads() + 2 * heads.kvHeads(), 16), 1, 256, 0);
    }

    private static long gain(io.sliminfer.backend.@Nullable Weight weight) {
        return weight == null ? 0 : ((CudaWeight) weight).address();
    }

    /** Attention of a sequence's queries, {@code queries} in number, over its cache. */
    void attendPrefill(
            CudaStream stream,
            long out,
            long q,
            CudaKvPool pool,
            long view,
            int sequence,
            int queries,
            float scale,
            HeadLayout heads) {
        TensorMap map = pool.map();
        if (attendHopper != null && map != null) {
            int consumers = consumers(headDim);
            attendHopper
                    .args()
                    .tensorMap(map)
                    .pointer(out)
                    .pointer(q)
                    .pointer(view)
                    .integer(sequence)
                    .real(scale)
                    .integer(heads.heads())
                    .integer(heads.kvHeads())
                    .integer(pool.block())
                    .launch(
                            stream,
                            up(queries, 64 * consumers) * heads.heads(),
                            1,
                            1,
                            128 * (consumers + 1),
                            (64 * consumers + 2 * WGMMA_STAGES * WGMMA_TILE) * headDim * 2 + 2048);
            return;
        }
        boolean floats = compute == DType.F32;
        int rows = floats ? (headDim > 128 ? 32 : 64) : 128;
        attendAny
                .args()
                .pointer(out)
                .pointer(q)
                .pointer(pool.address())
                .pointer(view)
                .integer(sequence)
                .real(scale)
                .integer(heads.heads())
                .integer(heads.kvHeads())
                .integer(pool.block())
                .wide(pool.slotBytes())
                .launch(
                        stream,
                        up(queries, rows) * heads.heads(),
                        1,
                        1,
                        floats ? 4 * rows : 128,
                        floats
                                ? ((rows + 32) * (headDim + 2) + rows * 33) * 4
                                : (128 + 2 * 64) * (headDim * 2 + 16) + 1024);
    }

    /**
     * Attention of the sequences with one query each, split over their tokens.
     *
     * @param partial room for {@link #partialBytes}
     */
    void attendDecode(
            CudaStream stream,
            long out,
            long q,
            long partial,
            CudaKvPool pool,
            long view,
            int sequences,
            float scale,
            HeadLayout heads,
            int splits) {
        Decode kernels = decode.get(heads.group());
        if (kernels == null) {
            Map<String, Integer> macros = decodeDefines(compute, headDim, heads.group());
            kernels = new Decode(
                    library.kernel("attend_decode.cu", "attend_decode", macros),
                    library.kernel("attend_decode.cu", "attend_combine", macros));
            decode.put(heads.group(), kernels);
        }
        kernels.attend
                .args()
                .pointer(partial)
                .pointer(q)
                .pointer(pool.address())
                .pointer(view)
                .real(scale)
                .integer(heads.heads())
                .integer(heads.kvHeads())
                .integer(pool.block())
                .wide(pool.slotBytes())
                .integer(splits)
                .launch(
                        stream,
                        splits,
                        heads.kvHeads(),
                        sequences,
                        32 * DECODE_WARPS,
                        decodeSharedBytes(compute, headDim));
        kernels.combine
                .args()
                .pointer(out)
                .pointer(partial)
                .pointer(view)
                .integer(heads.heads())
                .integer(splits)
                .launch(stream, heads.heads(), sequences, 1, 128, 0);
    }

    /** Stages of keys and values of each warp, rows padded or swizzled as {@code attend_decode.cu} says. */
    static int decodeSharedBytes(DType compute, int headDim) {
        boolean floats = compute == DType.F32;
        int tileTokens = floats ? 8 : 16;
        int pieces = headDim * compute.bytes() / 16;
        int stride = !floats && pieces % 8 == 0 ? pieces : pieces | 1;
        return DECODE_WARPS * decodeStages(compute) * 2 * tileTokens * stride * 16;
    }

    /**
     * Splits that fill the card once, so that long sequences share it.
     *
     * @param maxTokens   of the longest sequence with one query
     * @param totalTokens of all of them
     */
    static int splits(int maxTokens, long totalTokens, int sequences, int kvHeads, int multiprocessors) {
        // Two blocks are resident on a multiprocessor with heads of 128. One long sequence is read faster by one on
        // each,
        // which also leaves room for the product behind to fetch its weights.
        boolean alone = sequences == 1 && totalTokens * kvHeads >= (long) SPLIT_TOKENS_ALONE * multiprocessors;
        int blocks = alone ? multiprocessors : 2 * multiprocessors;
        // Each sequence can end in a part of a split: plan with as many blocks fewer, whole splits of all heads. Where
        // heads alone fill the card, smaller splits even out the lengths.
        int planned = 2 * kvHeads * sequences <= blocks
                ? (blocks - kvHeads * (sequences - 1)) / kvHeads * kvHeads
                : 4 * blocks;
        long tokens = Math.max(SPLIT_TOKENS_MIN, (totalTokens * kvHeads + planned - 1) / planned);
        long splits = (maxTokens + tokens - 1) / tokens;
        return (int) Math.max(1, Math.min(splits, SPLITS_MAX / sequences));
    }

    /** Bytes of partial sums that suffice for any {@link #splits} of so many sequences. */
    static long partialBytes(int sequences, int heads, int headDim) {
        return 4L * heads * (headDim + 4) * Math.max(SPLITS_MAX, sequences);
    }

    /** Mean keys of units, of {@code passHeads} KV heads from {@code firstKvHead} on. */
    void unitKeys(
            CudaStream stream,
            long keys,
            CudaKvPool pool,
            long view,
            HeadLayout heads,
            int firstKvHead,
            int passHeads,
            PruneShape shape,
            int units) {
        int lanes = headDim % vector == 0 ? headDim / vector : headDim;
        unitKeys.args()
                .pointer(keys)
                .pointer(pool.address())
                .pointer(view)
                .integer(0)
                .integer(firstKvHead)
                .integer(heads.kvHeads())
                .integer(pool.block())
                .wide(pool.slotBytes())
                .integer(shape.liveTokens())
                .integer(shape.block())
                .integer(shape.unit())
                .integer(units)
                .launch(stream, Math.toIntExact(((long) units * lanes + 255) / 256), passHeads, 1, 256, 0);
    }

    void scoreLogits(
            CudaStream stream,
            long logits,
            long window,
            long keys,
            float scale,
            HeadLayout heads,
            int firstKvHead,
            int passHeads,
            int firstRow,
            int rows,
            int units) {
        boolean few = rows <= 32;
        (few ? scoreLogitsFew : scoreLogits)
                .args()
                .pointer(logits)
                .pointer(window)
                .pointer(keys)
                .real(scale)
                .integer(heads.heads())
                .integer(heads.kvHeads())
                .integer(firstKvHead)
                .integer(firstRow)
                .integer(rows)
                .integer(units)
                .launch(stream, up(units, 128), up(rows, few ? 16 : 128), passHeads, few ? 128 : 256, 0);
    }

    /** Each row's maximum and inverse sum, then the sums over rows. */
    void scoreUnits(CudaStream stream, long sums, long stats, long logits, int rows, int units, boolean accumulate) {
        scoreRows.args().pointer(stats).pointer(logits).integer(units).launch(stream, rows, 1, 1, 256, 0);
        scoreUnits
                .args()
                .pointer(sums)
                .pointer(logits)
                .pointer(stats)
                .integer(rows)
                .integer(units)
                .integer(accumulate ? 1 : 0)
                .launch(stream, up(units, 128), SCORE_PARTS, 1, 256, 0);
    }

    void blockScores(CudaStream stream, long scores, long sums, PruneShape shape, int units) {
        blockScores
                .args()
                .pointer(scores)
                .pointer(sums)
                .integer(SCORE_PARTS)
                .integer(units)
                .integer(up(shape.block(), shape.unit()))
                .integer(shape.liveBlocks())
                .integer(shape.aggregation().ordinal())
                .launch(stream, up(shape.liveBlocks(), 8), 1, 1, 256, 0);
    }

    void selectBlocks(CudaStream stream, long kept, long scores, PruneShape shape) {
        selectBlocks
                .args()
                .pointer(kept)
                .pointer(scores)
                .integer(shape.liveBlocks())
                .integer(shape.headBlocks())
                .integer(shape.tailBlocks())
                .integer(shape.keptBlocks())
                .launch(stream, 1, 1, 1, 1024, 0);
    }

    void keepRows(CudaStream stream, CudaTensor out, CudaTensor in, long kept, PruneShape shape) {
        int columns = (int) in.columns();
        keepRows.args()
                .pointer(out.address())
                .pointer(in.address())
                .pointer(kept)
                .integer(shape.keptTokens())
                .integer(columns)
                .integer(shape.block())
                .launch(stream, up(columns, 32), 1, 1, 1024, 0);
    }

    void argmax(CudaStream stream, long ids, CudaTensor logits) {
        int rows = (int) logits.rows();
        argmax.args()
                .pointer(ids)
                .pointer(logits.address())
                .integer(rows)
                .integer((int) logits.columns())
                .launch(stream, rows, 1, 1, 1024, 0);
    }
}
