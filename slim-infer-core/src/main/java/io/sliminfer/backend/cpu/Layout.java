package io.sliminfer.backend.cpu;

import static io.sliminfer.backend.cpu.OneDnn.check;
import static org.bytedeco.dnnl.global.dnnl.*;

import io.sliminfer.format.DType;
import java.util.Arrays;
import org.bytedeco.dnnl.dnnl_memory_desc;

/**
 * Sizes and strides of a dense array in memory, in elements; part of the key under which compiled operations are kept.
 */
record Layout(DType dtype, long[] sizes, long[] strides) {

    /** A row-major matrix whose rows lie {@code rowStride} elements apart. */
    static Layout matrix(DType dtype, long rows, long columns, long rowStride) {
        return new Layout(dtype, new long[] {rows, columns}, new long[] {rowStride, 1});
    }

    /** The transpose of a row-major matrix: {@code columns} by {@code rows} of what lies in memory. */
    static Layout transposed(DType dtype, long rows, long columns, long rowStride) {
        return new Layout(dtype, new long[] {columns, rows}, new long[] {1, rowStride});
    }

    static Layout of(DType dtype, long[] sizes, long[] strides) {
        return new Layout(dtype, sizes, strides);
    }

    /** For oneDNN; the caller destroys it. */
    dnnl_memory_desc describe() {
        dnnl_memory_desc desc = new dnnl_memory_desc();
        check(
                dnnl_memory_desc_create_with_strides(desc, sizes.length, sizes, OneDnn.dataType(dtype), strides),
                "describe " + this);
        return desc;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Layout layout
                && dtype == layout.dtype
                && Arrays.equals(sizes, layout.sizes)
                && Arrays.equals(strides, layout.strides);
    }

    @Override
    public int hashCode() {
        return (dtype.hashCode() * 31 + Arrays.hashCode(sizes)) * 31 + Arrays.hashCode(strides);
    }

    @Override
    public String toString() {
        return dtype + Arrays.toString(sizes) + " strides " + Arrays.toString(strides);
    }
}
