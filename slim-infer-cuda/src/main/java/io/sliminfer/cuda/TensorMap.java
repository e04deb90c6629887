package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import org.bytedeco.cuda.cudart.CUtensorMap;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;

/**
 * What bulk tensor copies (TMA, compute capability 9.0 on) know of a row-major matrix of 16-bit numbers. Boxes land in shared memory
 * with a swizzle of 128 bytes; what lies outside the matrix reads as zero. Passed to a kernel by {@link KernelArguments#tensorMap}
 * ({@code const __grid_constant__} and 64-byte aligned there).
 */
final class TensorMap implements AutoCloseable {

    private static final int ALIGNMENT = 64;
    static final int BYTES = 128;

    /** Width of the swizzle: a box's row cannot be wider. */
    private static final int SWIZZLE_BYTES = 128;

    private static final int BOX_MAX = 256;
    private static final int MATRIX_ALIGNMENT = 16;

    private final CudaContext context;
    private final BytePointer allocation;
    private final long address;
    private boolean closed;

    private TensorMap(CudaContext context, BytePointer allocation, long address) {
        this.context = context;
        this.allocation = allocation;
        this.address = address;
    }

    /**
     * @param address  of the matrix, a multiple of 16
     * @param rowBytes from one row to the next, a multiple of 16
     * @param boxRows  up to 256
     */
    static TensorMap of(
            CudaContext context,
            DType type,
            long address,
            long columns,
            long rows,
            long rowBytes,
            int boxColumns,
            int boxRows) {
        int dataType =
                switch (type) {
                    case BF16 -> cudart.CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
                    case F16 -> cudart.CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
                    case F32, I32 -> throw new IllegalArgumentException("a tensor map takes BF16 or F16, not " + type);
                };
        if (context.capability() < 90) {
            throw new IllegalStateException(
                    context.name() + " has no bulk tensor copies: compute capability 9.0 or newer is needed");
        }
        String shape = String.format(
                "matrix [%d, %d] of %s at %#x, %d bytes a row, box [%d, %d]",
                rows, columns, type, address, rowBytes, boxRows, boxColumns);
        if (address % MATRIX_ALIGNMENT != 0
                || rowBytes % MATRIX_ALIGNMENT != 0
                || rowBytes < columns * type.bytes()
                || boxColumns < 1
                || boxColumns * type.bytes() > SWIZZLE_BYTES
                || boxColumns * type.bytes() % MATRIX_ALIGNMENT != 0
                || boxRows < 1
                || boxRows > BOX_MAX) {
            throw new IllegalArgumentException(
                    "no tensor map for " + shape + ": address, row and box width must be multiples of "
                            + MATRIX_ALIGNMENT + " bytes, a box at most " + SWIZZLE_BYTES + " bytes wide and " + BOX_MAX
                            + " rows high");
        }
        context.status().requireAlive("cuTensorMapEncodeTiled");
        // JavaCPP's own allocation is not always aligned as the call demands.
        BytePointer allocation = new BytePointer((long) BYTES + ALIGNMENT);
        long aligned = (allocation.address() + ALIGNMENT - 1) & -ALIGNMENT;
        int code = cudart.cuTensorMapEncodeTiled(
                new CUtensorMap(new CudaAddress(aligned)),
                dataType,
                2,
                new CudaAddress(address),
                new long[] {columns, rows},
                new long[] {rowBytes},
                new int[] {boxColumns, boxRows},
                new int[] {1, 1},
                cudart.CU_TENSOR_MAP_INTERLEAVE_NONE,
                cudart.CU_TENSOR_MAP_SWIZZLE_128B,
                cudart.CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                cudart.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
        if (code != 0) {
            allocation.close();
            throw context.status().failure(code, "cuTensorMapEncodeTiled", shape);
        }
        return context.own(new TensorMap(context, allocation, aligned));
    }

    /** Of the map itself, in host memory: a kernel's argument is copied from there. */
    long address() {
        if (closed) {
            throw new IllegalStateException("the tensor map is closed");
        }
        return address;
    }

    /** Launches that were made keep their copy. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            context.released(this, 0);
            allocation.close();
        }
    }
}
