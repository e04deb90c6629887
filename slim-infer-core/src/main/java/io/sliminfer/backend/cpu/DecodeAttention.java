package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.format.DType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention of single rows: {@code S = scale * q K^T}, softmax of each head's scores, {@code P V}. Tasks on the workers, with products
 * on one thread each, are the KV heads of all sequences; a sequence with more than a chunk of keys is cut into chunks besides, whose outputs
 * are added in their order. So neither neighbours in a batch, nor slots, nor the number of threads make a difference to a row's result.
 */
final class DecodeAttention implements AutoCloseable {

    /** Blocks of a chunk. */
    private static final int CHUNK_BLOCKS = 16;

    private final OneDnnBackend backend;
    private final DnnlKernels kernels;
    private final SingleThreads threads;
    private final List<DecodeTile> tiles = new ArrayList<>();
    private @Nullable NativeMemory scores;
    private @Nullable NativeMemory weights;
    private @Nullable NativeMemory output;
    private @Nullable OneDnnKvPool lastPool;
    private boolean inPlace;

    DecodeAttention(OneDnnBackend backend, DnnlKernels kernels, SingleThreads threads) {
        this.backend = backend;
        this.kernels = kernels;
        this.threads = threads;
    }

    /**
     * @param out       {@code [sequences, queryColumns]}; may be {@code q}
     * @param sequences with one query each
     */
    void attend(
            NativeTensor out,
            NativeTensor q,
            OneDnnKvPool pool,
            List<KvView.Sequence> sequences,
            HeadLayout heads,
            float scale) {
        prepare(heads, q.dtype());
        boolean raw = multipliesInPlace(pool, q.dtype());
        int chunk = CHUNK_BLOCKS * pool.block();
        DecodeTile.Row[] rows = new DecodeTile.Row[sequences.size()];
        int[] brief = new int[rows.length];
        int count = 0;
        for (int i = 0; i < rows.length; i++) {
            KvView.Sequence sequence = sequences.get(i);
            rows[i] = new DecodeTile.Row(pool, sequence.slots(), sequence.tokens(), raw, scale);
            if (rows[i].extent() <= chunk) {
                brief[count++] = i;
            }
        }
        int kvHeads = heads.kvHeads();
        if (count > 0) {
            threads.run(count * kvHeads, (index, worker) -> {
                int i = brief[index / kvHeads];
                tiles.get(worker).attend(out.rows(i, i + 1), q.rows(i, i + 1), rows[i], index % kvHeads);
            });
        }
        for (int i = 0; i < rows.length; i++) {
            if (rows[i].extent() > chunk) {
                inChunks(out.rows(i, i + 1), q.rows(i, i + 1), rows[i], heads);
            }
        }
    }

    private void inChunks(NativeTensor out, NativeTensor q, DecodeTile.Row row, HeadLayout heads) {
        int kvHeads = heads.kvHeads();
        int chunks = (row.blocks() + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS;
        long headScores = (long) heads.group() * row.extent();
        long headOutput = (long) heads.group() * heads.headDim();
        NativeMemory s = scores = backend.grow(scores, "attention scores", kvHeads * headScores * 4);
        NativeMemory p = s;
        if (q.dtype() != DType.F32) {
            p = weights = backend.grow(
                    weights,
                    "attention weights",
                    kvHeads * headScores * q.dtype().bytes());
        }
        NativeMemory weightsOf = p;
        NativeMemory o = output = backend.grow(output, "attention output", kvHeads * chunks * headOutput * 4);
        threads.run(kvHeads * chunks, (index, worker) -> {
            int head = index / chunks;
            int first = index % chunks * CHUNK_BLOCKS;
            int count = Math.min(CHUNK_BLOCKS, row.blocks() - first);
            tiles.get(worker).score(s, head * headScores, q, row, head, first, count);
        });
        threads.run(kvHeads, (head, worker) -> tiles.get(worker).softmax(s, head * headScores, weightsOf, row));
        threads.run(kvHeads * chunks, (index, worker) -> {
            int head = index / chunks;
            int first = index % chunks * CHUNK_BLOCKS;
            int count = Math.min(CHUNK_BLOCKS, row.blocks() - first);
            tiles.get(worker).weigh(o, index * headOutput, weightsOf, head * headScores, row, head, first, count);
        });
        threads.run(kvHeads, (head, worker) -> tiles.get(worker).sum(out, o, head * chunks * headOutput, chunks, head));
    }

    private void prepare(HeadLayout heads, DType dtype) {
        if (tiles.isEmpty() || !tiles.get(0).fits(heads, dtype)) {
            close();
            for (int i = 0; i < threads.threads(); i++) {
                tiles.add(new DecodeTile(backend, heads, dtype));
            }
        }
    }

    private boolean multipliesInPlace(OneDnnKvPool pool, DType dtype) {
        if (pool != lastPool) {
            lastPool = pool;
            inPlace = !pool.hasScales()
                    && (pool.dtype() == dtype
                            || (dtype == DType.F32 && kernels.multipliesInPlace(dtype, pool.dtype())));
        }
        return inPlace;
    }

    @Override
    public void close() {
        tiles.forEach(DecodeTile::close);
        tiles.clear();
    }
}
