package io.sliminfer.backend.cpu;

import io.sliminfer.backend.KvType;

/**
 * Cuts the tokens that a pass stores into tasks for the workers and each task into runs that lie in one block. Tasks are cut by
 * position; where rows of a block share a scale, no block has two tasks.
 */
final class BlockRuns {

    /** Enough rows to make a task worth handing out. */
    private static final int TASK_ROWS = 16;

    private final int block;
    private final int from;
    private final int to;
    private final int step;

    /**
     * @param from the first token that is stored
     * @param to   the token behind the last
     */
    BlockRuns(int block, int from, int to, KvType type) {
        this.block = block;
        this.from = from;
        this.to = to;
        this.step = type == KvType.INT8 ? (TASK_ROWS + block - 1) / block * block : TASK_ROWS;
    }

    /** What is done with {@code count} tokens of the sequence's given block, from {@code token} in that block on. */
    @FunctionalInterface
    interface Run {
        void accept(int block, int token, int count);
    }

    int tasks() {
        return to <= from ? 0 : (to - 1) / step - from / step + 1;
    }

    /** The runs of one task, in rising order. */
    void each(int task, Run run) {
        int start = (from / step + task) * step;
        int end = Math.min(to, start + step);
        for (int token = Math.max(from, start); token < end; ) {
            int next = Math.min(end, (token / block + 1) * block);
            run.accept(token / block, token % block, next - token);
            token = next;
        }
    }
}
