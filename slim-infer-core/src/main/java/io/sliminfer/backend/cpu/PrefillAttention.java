package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.format.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention of many rows: each task takes some query rows of one KV head, with the query heads that share it, and passes the keys
 * chunk by chunk. Tasks run on the workers, each product on one thread, so that a chunk's scores stay in a core's cache; memory
 * does not grow with the prompt. Which slots hold the keys has no influence on the result, not in the last bit.
 *
 * <p>Two products a chunk: {@code P = exp(scale Q K^T - m)} and {@code O += P V}. Softmax is the same for every m, so a row's m
 * need not be its maximum: it is the score of token 0, which every row sees, subtracted by one more column of Q against a column
 * of ones. A row with a score that lies 88 above it overflows float32; it is computed again with the true maximum, see
 * {@link AttentionTile}.
 */
final class PrefillAttention implements AutoCloseable {

    private final OneDnnBackend backend;
    private final SingleThreads threads;
    private final List<AttentionTile> tiles = new ArrayList<>();

    PrefillAttention(OneDnnBackend backend, SingleThreads threads) {
        this.backend = backend;
        this.threads = threads;
    }

    /**
     * @param out {@code [rows, queryColumns]}; may be {@code q}
     * @param sequence its last {@code rows} tokens are the queries
     */
    void attend(
            NativeTensor out,
            NativeTensor q,
            OneDnnKvPool pool,
            KvView.Sequence sequence,
            HeadLayout heads,
            float scale) {
        prepare(heads, q.dtype());
        int step = AttentionTile.rows(heads);
        int first = sequence.tokens() - sequence.queries();
        // Tasks are cut by position, not by row, so that a prompt's result does not depend on how prefill is tiled.
        int firstStep = first / step;
        int steps = (sequence.tokens() - 1) / step - firstStep + 1;
        threads.run(steps * heads.kvHeads(), (index, worker) -> {
            int from = Math.max(first, (firstStep + index % steps) * step);
            int to = Math.min(sequence.tokens(), (firstStep + index % steps + 1) * step);
            tiles.get(worker)
                    .attend(
                            out.rows(from - first, to - first),
                            q.rows(from - first, to - first),
                            pool,
                            sequence.slots(),
                            from,
                            index / steps,
                            scale);
        });
    }

    private void prepare(HeadLayout heads, DType dtype) {
        if (tiles.isEmpty() || !tiles.get(0).fits(heads, dtype)) {
            close();
            for (int i = 0; i < threads.threads(); i++) {
                tiles.add(new AttentionTile(backend, heads, dtype));
            }
        }
    }

    @Override
    public void close() {
        tiles.forEach(AttentionTile::close);
        tiles.clear();
    }
}
