package io.sliminfer.backend.cpu;

import static io.sliminfer.backend.cpu.OneDnn.check;
import static org.bytedeco.dnnl.global.dnnl.*;

import io.sliminfer.format.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_post_ops;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.jspecify.annotations.Nullable;

/**
 * Compiled oneDNN operations by shape. Compiling takes about a millisecond, so they are kept; the least recently used are
 * dropped. One thread: the library keeps working memory for the thread that compiled an operation.
 */
final class DnnlKernels implements AutoCloseable {

    /**
     * Attention needs three operations for each extent of keys, and extents are rounded, so that even 128K tokens stay below
     * this. An operation takes some 50 KiB.
     */
    private static final int CAPACITY = 2048;

    /** What happens to a product before it is stored. */
    enum After {
        NOTHING,
        /** {@code dst += product}. */
        ADD_TO_DESTINATION,
        /** {@code dst = silu(product)}. */
        SILU,
        /** {@code dst = product * extra}, extra laid out like dst. */
        MULTIPLY,
        /** {@code dst = factor * product}. */
        SCALE,
        /** {@code dst = exp(product)}. */
        EXP
    }

    private record MatmulKey(Layout left, Layout right, Layout out, boolean bias, After after, float factor) {}

    private record SoftmaxKey(Layout in, Layout out) {}

    private record ReorderKey(Layout from, Layout to) {}

    private record DequantiseKey(int heads, int rows, int headDim, int fromStride, DType dtype, int toStride) {}

    private record NormKey(Layout in, Layout out, float epsilon) {}

    /** Streams are not for several threads. */
    private final dnnl_stream stream = OneDnn.newStream();

    private final Map<Object, DnnlPrimitive> compiled = new LinkedHashMap<>(256, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Object, DnnlPrimitive> eldest) {
            if (size() <= CAPACITY) {
                return false;
            }
            eldest.getValue().close();
            return true;
        }
    };

    /**
     * {@code out = after(left * right + bias)}. Arguments: left, right, out, then bias (float32, one row) if there is one, then
     * extra for {@link After#MULTIPLY}.
     */
    DnnlPrimitive matmul(Layout left, Layout right, Layout out, boolean bias, After after) {
        return matmul(left, right, out, bias, after, 1);
    }

    /** {@code out = factor * left * right}. Arguments: left, right, out. */
    DnnlPrimitive scaledMatmul(Layout left, Layout right, Layout out, float factor) {
        return matmul(left, right, out, false, After.SCALE, factor);
    }

    private DnnlPrimitive matmul(Layout left, Layout right, Layout out, boolean bias, After after, float factor) {
        return compiled(new MatmulKey(left, right, out, bias, after, factor), () -> {
            try (Attributes attributes = new Attributes(after, factor, out)) {
                List<dnnl_memory_desc> layouts =
                        new ArrayList<>(List.of(left.describe(), right.describe(), out.describe()));
                List<Integer> arguments = new ArrayList<>(List.of(DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST));
                dnnl_memory_desc biasLayout = null;
                if (bias) {
                    biasLayout = biasLayout(out).describe();
                    layouts.add(biasLayout);
                    arguments.add(DNNL_ARG_BIAS);
                }
                if (attributes.extra != null) {
                    layouts.add(attributes.extra);
                    arguments.add(DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | DNNL_ARG_SRC_1);
                }
                dnnl_primitive_desc desc = new dnnl_primitive_desc();
                check(
                        dnnl_matmul_primitive_desc_create(
                                desc,
                                OneDnn.engine(),
                                layouts.get(0),
                                layouts.get(1),
                                biasLayout,
                                layouts.get(2),
                                attributes.attributes),
                        "plan the product " + left + " x " + right + " -> " + out + " " + after);
                return finish("matmul", desc, arguments, layouts);
            }
        });
    }

    private static Layout biasLayout(Layout out) {
        int dims = out.sizes().length;
        long columns = out.sizes()[dims - 1];
        long[] sizes = new long[dims];
        long[] strides = new long[dims];
        for (int i = 0; i < dims; i++) {
            sizes[i] = i == dims - 1 ? columns : 1;
            strides[i] = i == dims - 1 ? 1 : columns;
        }
        return Layout.of(DType.F32, sizes, strides);
    }

    /** Softmax over the last dimension. Arguments: in, out. */
    DnnlPrimitive softmax(Layout in, Layout out) {
        return compiled(new SoftmaxKey(in, out), () -> {
            List<dnnl_memory_desc> layouts = List.of(in.describe(), out.describe());
            dnnl_primitive_desc desc = new dnnl_primitive_desc();
            check(
                    dnnl_softmax_forward_primitive_desc_create(
                            desc,
                            OneDnn.engine(),
                            dnnl_forward_inference,
                            dnnl_softmax_accurate,
                            layouts.get(0),
                            layouts.get(1),
                            in.sizes().length - 1,
                            null),
                    "plan the softmax of " + in);
            return finish("softmax", desc, List.of(DNNL_ARG_SRC, DNNL_ARG_DST), layouts);
        });
    }

    /** RMS norm over the last dimension with a float32 gain. Arguments: in, out, gain. */
    DnnlPrimitive rmsNorm(Layout in, Layout out, float epsilon) {
        return compiled(new NormKey(in, out, epsilon), () -> {
            long columns = in.sizes()[1];
            Layout gain = Layout.of(DType.F32, new long[] {columns}, new long[] {1});
            List<dnnl_memory_desc> layouts = List.of(in.describe(), out.describe(), gain.describe());
            dnnl_primitive_desc desc = new dnnl_primitive_desc();
            check(
                    dnnl_layer_normalization_forward_primitive_desc_create(
                            desc,
                            OneDnn.engine(),
                            dnnl_forward_inference,
                            layouts.get(0),
                            layouts.get(1),
                            null,
                            epsilon,
                            dnnl_use_scale | dnnl_rms_norm,
                            null),
                    "plan the RMS norm of " + in);
            return finish("rms norm", desc, List.of(DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_SCALE), layouts);
        });
    }

    /** Copy with a change of layout or dtype. Arguments: from, to. */
    DnnlPrimitive reorder(Layout from, Layout to) {
        return compiled(new ReorderKey(from, to), () -> {
            List<dnnl_memory_desc> layouts = List.of(from.describe(), to.describe());
            dnnl_primitive_desc desc = new dnnl_primitive_desc();
            check(
                    dnnl_reorder_primitive_desc_create(
                            desc, layouts.get(0), OneDnn.engine(), layouts.get(1), OneDnn.engine(), null),
                    "plan the copy " + from + " -> " + to);
            return finish("reorder", desc, List.of(DNNL_ARG_SRC, DNNL_ARG_DST), layouts);
        });
    }

    /**
     * Multiplies int8 by a float32 scale for each head: {@code to[r][h][i] = from[r][h][i] * scales[h]}, with heads of a row next to
     * each other. Arguments: from, to, scales.
     *
     * @param fromStride elements from one row to the next
     */
    DnnlPrimitive dequantise(int heads, int rows, int headDim, int fromStride, DType dtype, int toStride) {
        return compiled(new DequantiseKey(heads, rows, headDim, fromStride, dtype, toStride), () -> {
            long[] sizes = {heads, rows, headDim};
            dnnl_memory_desc from = new dnnl_memory_desc();
            check(
                    dnnl_memory_desc_create_with_strides(from, 3, sizes, dnnl_s8, new long[] {headDim, fromStride, 1}),
                    "describe int8 rows");
            Layout to = Layout.of(dtype, sizes, new long[] {headDim, toStride, 1});
            Layout scales = Layout.of(DType.F32, new long[] {heads}, new long[] {1});
            List<dnnl_memory_desc> layouts = List.of(from, to.describe(), scales.describe());
            dnnl_primitive_attr attributes = new dnnl_primitive_attr();
            try {
                check(dnnl_primitive_attr_create(attributes), "create attributes");
                check(
                        dnnl_primitive_attr_set_scales_mask(attributes, DNNL_ARG_FROM, heads == 1 ? 0 : 1),
                        "set a scale for each head");
                dnnl_primitive_desc desc = new dnnl_primitive_desc();
                check(
                        dnnl_reorder_primitive_desc_create(
                                desc, layouts.get(0), OneDnn.engine(), layouts.get(1), OneDnn.engine(), attributes),
                        "plan the conversion of int8 to " + to);
                return finish(
                        "dequantise",
                        desc,
                        List.of(DNNL_ARG_FROM, DNNL_ARG_TO, DNNL_ARG_ATTR_SCALES | DNNL_ARG_FROM),
                        layouts);
            } finally {
                dnnl_primitive_attr_destroy(attributes);
            }
        });
    }

    DnnlPrimitive compiled(Object key, Supplier<DnnlPrimitive> compile) {
        DnnlPrimitive primitive = compiled.get(key);
        if (primitive == null) {
            primitive = compile.get();
            compiled.put(key, primitive);
        }
        return primitive;
    }

    DnnlPrimitive finish(
            String what, dnnl_primitive_desc desc, List<Integer> arguments, List<dnnl_memory_desc> layouts) {
        try {
            return new DnnlPrimitive(
                    what + " (" + implementation(desc) + ")",
                    stream,
                    desc,
                    arguments.stream().mapToInt(Integer::intValue).toArray(),
                    layouts.toArray(new dnnl_memory_desc[0]));
        } finally {
            dnnl_primitive_desc_destroy(desc);
            layouts.forEach(layout -> dnnl_memory_desc_destroy(layout));
        }
    }

    /** oneDNN's name of the implementation it chose, such as {@code brg_matmul:avx512_core_bf16}. */
    private static String implementation(dnnl_primitive_desc desc) {
        try (PointerPointer<BytePointer> name = new PointerPointer<>(1)) {
            dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, name);
            return name.get(BytePointer.class, 0).getString();
        }
    }

    /**
     * Whether weights of a dtype are multiplied by activations of another without a slow path. The library runs every
     * combination, but those it has no code for by reference loops.
     */
    boolean multipliesInPlace(DType activations, DType weights) {
        DnnlPrimitive product = matmul(
                Layout.matrix(activations, 64, 256, 256),
                Layout.transposed(weights, 256, 256, 256),
                Layout.matrix(DType.F32, 64, 256, 256),
                false,
                After.NOTHING);
        return !product.toString().contains("ref");
    }

    /** Shapes compiled so far. */
    int size() {
        return compiled.size();
    }

    @Override
    public void close() {
        compiled.values().forEach(DnnlPrimitive::close);
        compiled.clear();
        dnnl_stream_destroy(stream);
    }

    /** Post-operations of a product. */
    private static final class Attributes implements AutoCloseable {
        private final dnnl_primitive_attr attributes = new dnnl_primitive_attr();
        private final dnnl_post_ops operations = new dnnl_post_ops();
        /** Freed with the other layouts, not here. */
        private final @Nullable dnnl_memory_desc extra;

        Attributes(After after, float factor, Layout out) {
            check(dnnl_primitive_attr_create(attributes), "create attributes");
            check(dnnl_post_ops_create(operations), "create post-operations");
            extra = after == After.MULTIPLY ? out.describe() : null;
            switch (after) {
                case NOTHING -> {}
                case ADD_TO_DESTINATION ->
                    check(dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef), "append a sum");
                case SILU ->
                    check(
                            dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_swish, 1, 0),
                            "append the SiLU function");
                case MULTIPLY ->
                    check(dnnl_post_ops_append_binary(operations, dnnl_binary_mul, extra), "append a product");
                case SCALE ->
                    check(dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_linear, factor, 0), "append a factor");
                case EXP ->
                    check(dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_exp, 0, 0), "append an exponential");
            }
            check(dnnl_primitive_attr_set_post_ops(attributes, operations), "set post-operations");
        }

        @Override
        public void close() {
            dnnl_post_ops_destroy(operations);
            dnnl_primitive_attr_destroy(attributes);
        }
    }
}
