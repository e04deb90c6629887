package io.sliminfer.backend.cpu;

import io.sliminfer.format.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * Converts keys or values of some blocks into one matrix of the compute dtype, block by block on the workers. One conversion inside
 * the library on all threads would end with a barrier for each block, which costs milliseconds where another process wants a core.
 */
final class ChunkConverter implements AutoCloseable {

    private final WorkerPool workers;
    private final DType dtype;
    private final List<Part> parts = new ArrayList<>();

    /** One worker's compiled operations. */
    private static final class Part {
        private final DnnlKernels kernels = new DnnlKernels();
        private final SlotReader reader;
        private boolean usesOneThread;

        Part(DType dtype) {
            reader = new SlotReader(kernels, dtype);
        }
    }

    ChunkConverter(WorkerPool workers, DType dtype) {
        this.workers = workers;
        this.dtype = dtype;
        for (int i = 0; i < workers.threads(); i++) {
            parts.add(new Part(dtype));
        }
    }

    DType dtype() {
        return dtype;
    }

    /**
     * @param slots a sequence's
     * @param first first block of the sequence
     * @param head  0 for keys, {@code kvHeads} for values
     * @param to    gets a row of {@code kvColumns} elements for each token of {@code count} blocks
     */
    void convert(OneDnnKvPool pool, int[] slots, int first, int count, int head, NativeMemory to) {
        int columns = pool.kvColumns();
        run(count, (index, worker) -> {
            SlotReader reader = parts.get(worker).reader;
            long at = (long) index * pool.block() * columns;
            reader.read(pool, slots[first + index], 0, pool.block(), head, pool.kvHeads(), to, at, columns);
        });
    }

    /** Conversions inside a task must not start threads of their own: the workers have the cores already. */
    private void run(int tasks, WorkerPool.Task task) {
        if (!OneDnn.canUseThreads()) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
            return;
        }
        try {
            workers.run(tasks, (index, worker) -> {
                if (!parts.get(worker).usesOneThread) {
                    parts.get(worker).usesOneThread = true;
                    OneDnn.useThreads(1);
                }
                task.run(index, worker);
            });
        } finally {
            // The caller is worker 0.
            if (parts.get(0).usesOneThread) {
                parts.get(0).usesOneThread = false;
                OneDnn.useThreads(workers.threads());
            }
        }
    }

    @Override
    public void close() {
        parts.forEach(part -> part.kernels.close());
    }
}
