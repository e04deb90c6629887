package io.sliminfer.backend.cpu;

import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;

/** Copies keys and values out of slots into rows of one dtype. One thread: that of the kernels. */
final class SlotReader {

    /** Elements of a row that are converted in Java at a time. */
    private static final int PART = 1024;

    private final DnnlKernels kernels;
    private final DType dtype;
    private final short[] halves = new short[PART];
    private final RowBuffer converted;

    SlotReader(DnnlKernels kernels, DType dtype) {
        this.kernels = kernels;
        this.dtype = dtype;
        this.converted = new RowBuffer(PART, dtype);
    }

    /**
     * @param token    first token in the slot
     * @param count    tokens; their rows follow each other, see {@link OneDnnKvPool#neighbours}
     * @param head     first head, counted as in {@link OneDnnKvPool}
     * @param heads    neighbouring heads
     * @param to       gets {@code count} rows from its start plus {@code toElement} on, {@code toStride} elements apart
     */
    void read(
            OneDnnKvPool pool,
            int slot,
            int token,
            int count,
            int head,
            int heads,
            NativeMemory to,
            long toElement,
            int toStride) {
        long from = pool.address(slot, token, head);
        long toAddress = to.address() + toElement * dtype.bytes();
        int columns = heads * pool.headDim();
        switch (pool.type()) {
            case F32, BF16 ->
                kernels.reorder(
                                Layout.matrix(pool.dtype(), count, columns, pool.rowElements()),
                                Layout.matrix(dtype, count, columns, toStride))
                        .execute(from, toAddress);
            case F16 -> {
                for (int row = 0; row < count; row++) {
                    halvesToRow(
                            pool,
                            pool.element(slot, token + row, head),
                            columns,
                            to,
                            toElement + (long) row * toStride);
                }
            }
            case INT8 ->
                kernels.dequantise(heads, count, pool.headDim(), pool.rowElements(), dtype, toStride)
                        .execute(from, toAddress, pool.scales(slot, head));
        }
    }

    /**
     * In Java: oneDNN 3.11 has F16 to float32 only in reference loops on x86, which are some thirty times slower, and no F16 to BF16.
     */
    private void halvesToRow(OneDnnKvPool pool, long from, int columns, NativeMemory to, long toElement) {
        for (int done = 0; done < columns; done += PART) {
            int n = Math.min(PART, columns - done);
            pool.memory().read(from + done, halves, 0, n);
            HalfFloats.f16ToFloat(converted.floats(), 0, halves, 0, n);
            converted.write(to, toElement + done, n);
        }
    }
}
