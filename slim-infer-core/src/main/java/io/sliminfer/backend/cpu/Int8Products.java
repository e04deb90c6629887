package io.sliminfer.backend.cpu;

import static io.sliminfer.backend.cpu.OneDnn.check;
import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * Products of unsigned 8-bit rows with packed signed 8-bit weights. One thread.
 */
final class Int8Products implements AutoCloseable {

    /** Columns and outputs are whole blocks of the library's kernels. */
    static final int BLOCK = 64;

    /** Rows for which the library chooses how weights are packed; all other numbers of rows take that. */
    private static final int ROWS_OF_PACKING = 128;

    private static final int[] ROWS_TRIED = {1, 5, 16, ROWS_OF_PACKING};

    /** Which of the library's operations multiplies. */
    enum Route {
        /**
         * A convolution of width 1: rows are the pixels, columns the channels. Where a CPU has no VNNI the library's matmul would pack the
         * weights anew at each call; the convolution reads them as they were packed once (docs/decisions/0005).
         */
        CONVOLUTION,
        /** With AVX-512 the convolution packs weights in another way for each number of rows; the matmul does not. */
        MATMUL
    }

    private final DnnlKernels kernels = new DnnlKernels();
    private final Route route;

    Int8Products(Route route) {
        this.route = route;
    }

    private record ProductKey(int rows, int columns, int outputs) {}

    private record PackKey(int columns, int outputs) {}

    /**
     * {@code out[r][n] = scales[n] * (in[r] * weights[n]) + bias[n]}, sums exact in 32 bits. Arguments: in {@code [rows, columns]}, weights,
     * out float32 {@code [rows, outputs]}, scales, bias (float32, one for each output).
     */
    DnnlPrimitive product(int rows, int columns, int outputs) {
        return kernels.compiled(new ProductKey(rows, columns, outputs), () -> {
            dnnl_memory_desc packed = packed(columns, outputs);
            List<dnnl_memory_desc> layouts = List.of(
                    rows(dnnl_u8, rows, columns),
                    packed,
                    rows(dnnl_f32, rows, outputs),
                    floats(outputs),
                    bias(outputs));
            return kernels.finish(
                    "8-bit product",
                    plan(layouts.get(0), packed, layouts.get(2), layouts.get(4)),
                    List.of(
                            DNNL_ARG_SRC,
                            DNNL_ARG_WEIGHTS,
                            DNNL_ARG_DST,
                            DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS,
                            DNNL_ARG_BIAS),
                    layouts);
        });
    }

    /** Whether the library has code for these shapes, from one row to many; what it has none for it runs by reference loops. */
    boolean isFast(int columns, int outputs) {
        for (int rows : ROWS_TRIED) {
            if (product(rows, columns, outputs).toString().contains("ref")) {
                return false;
            }
        }
        return true;
    }

    /** Row-major weights {@code [outputs, columns]} as {@link #product} reads them. Arguments: from, to. */
    DnnlPrimitive pack(int columns, int outputs) {
        return kernels.compiled(new PackKey(columns, outputs), () -> {
            dnnl_memory_desc plain = route == Route.CONVOLUTION
                    ? strided(dnnl_s8, new long[] {outputs, columns, 1}, new long[] {columns, 1, 1})
                    : strided(dnnl_s8, new long[] {columns, outputs}, new long[] {1, columns});
            dnnl_memory_desc packed = packed(columns, outputs);
            dnnl_primitive_desc desc = new dnnl_primitive_desc();
            check(
                    dnnl_reorder_primitive_desc_create(desc, plain, OneDnn.engine(), packed, OneDnn.engine(), null),
                    "plan the packing of 8-bit weights");
            return kernels.finish("packing", desc, List.of(DNNL_ARG_FROM, DNNL_ARG_TO), List.of(plain, packed));
        });
    }

    /** Bytes of packed weights. */
    long packedBytes(int columns, int outputs) {
        dnnl_memory_desc packed = packed(columns, outputs);
        try {
            return dnnl_memory_desc_get_size(packed);
        } finally {
            dnnl_memory_desc_destroy(packed);
        }
    }

    /** How the library lays packed weights out, in numbers: sizes and strides, and the blocks within. */
    String packing(int columns, int outputs) {
        dnnl_memory_desc packed = packed(columns, outputs);
        try {
            int dimensions = integer(packed, dnnl_query_ndims_s32);
            int blocks = integer(packed, dnnl_query_inner_nblks_s32);
            return "bytes " + dnnl_memory_desc_get_size(packed) + " sizes "
                    + numbers(packed, dnnl_query_padded_dims, dimensions) + " strides "
                    + numbers(packed, dnnl_query_strides, dimensions) + " blocks "
                    + numbers(packed, dnnl_query_inner_blks, blocks) + " of "
                    + numbers(packed, dnnl_query_inner_idxs, blocks);
        } finally {
            dnnl_memory_desc_destroy(packed);
        }
    }

    private static int integer(dnnl_memory_desc layout, int query) {
        try (IntPointer result = new IntPointer(1)) {
            check(dnnl_memory_desc_query(layout, query, result), "describe packed weights");
            return result.get();
        }
    }

    private static String numbers(dnnl_memory_desc layout, int query, int count) {
        long[] numbers = new long[count];
        try (PointerPointer<LongPointer> result = new PointerPointer<>(1)) {
            check(dnnl_memory_desc_query(layout, query, result), "describe packed weights");
            result.get(LongPointer.class, 0).get(numbers);
        }
        return Arrays.toString(numbers);
    }

    private dnnl_memory_desc packed(int columns, int outputs) {
        dnnl_memory_desc in = rows(dnnl_u8, ROWS_OF_PACKING, columns);
        dnnl_memory_desc out = rows(dnnl_f32, ROWS_OF_PACKING, outputs);
        dnnl_memory_desc bias = bias(outputs);
        dnnl_memory_desc any = new dnnl_memory_desc();
        long[] sizes = route == Route.CONVOLUTION ? new long[] {outputs, columns, 1} : new long[] {columns, outputs};
        check(
                dnnl_memory_desc_create_with_tag(any, sizes.length, sizes, dnnl_s8, dnnl_format_tag_any),
                "describe packed weights");
        dnnl_primitive_desc desc = plan(in, any, out, bias);
        try {
            dnnl_memory_desc chosen = new dnnl_memory_desc();
            check(
                    dnnl_memory_desc_clone(chosen, dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0)),
                    "describe packed weights");
            return chosen;
        } finally {
            dnnl_primitive_desc_destroy(desc);
            List.of(in, out, bias, any).forEach(layout -> dnnl_memory_desc_destroy(layout));
        }
    }

    private dnnl_primitive_desc plan(
            dnnl_memory_desc in, dnnl_memory_desc weights, dnnl_memory_desc out, dnnl_memory_desc bias) {
        dnnl_primitive_attr attributes = new dnnl_primitive_attr();
        long[] one = {1};
        long[] none = {0};
        try {
            check(dnnl_primitive_attr_create(attributes), "create attributes");
            // A mask has a bit for each dimension that scales differ along.
            int outputDimension = route == Route.CONVOLUTION ? 0 : 1;
            check(
                    dnnl_primitive_attr_set_scales_mask(attributes, DNNL_ARG_WEIGHTS, 1 << outputDimension),
                    "set a scale for each output");
            dnnl_primitive_desc desc = new dnnl_primitive_desc();
            if (route == Route.MATMUL) {
                check(
                        dnnl_matmul_primitive_desc_create(desc, OneDnn.engine(), in, weights, bias, out, attributes),
                        "plan an 8-bit product");
                return desc;
            }
            check(
                    dnnl_convolution_forward_primitive_desc_create(
                            desc,
                            OneDnn.engine(),
                            dnnl_forward_inference,
                            dnnl_convolution_direct,
                            in,
                            weights,
                            bias,
                            out,
                            one,
                            none,
                            none,
                            none,
                            attributes),
                    "plan an 8-bit product");
            return desc;
        } finally {
            dnnl_primitive_attr_destroy(attributes);
        }
    }

    /** A row-major matrix; to a convolution, an image of one line. */
    private dnnl_memory_desc rows(int type, int rows, int columns) {
        return route == Route.CONVOLUTION
                ? strided(type, new long[] {1, columns, rows}, new long[] {(long) rows * columns, 1, columns})
                : strided(type, new long[] {rows, columns}, new long[] {columns, 1});
    }

    private dnnl_memory_desc bias(int outputs) {
        return route == Route.CONVOLUTION
                ? floats(outputs)
                : strided(dnnl_f32, new long[] {1, outputs}, new long[] {outputs, 1});
    }

    private static dnnl_memory_desc floats(int count) {
        return strided(dnnl_f32, new long[] {count}, new long[] {1});
    }

    private static dnnl_memory_desc strided(int type, long[] sizes, long[] strides) {
        dnnl_memory_desc desc = new dnnl_memory_desc();
        check(
                dnnl_memory_desc_create_with_strides(desc, sizes.length, sizes, type, strides),
                "describe an operand of an 8-bit product");
        return desc;
    }

    @Override
    public void close() {
        kernels.close();
    }
}
