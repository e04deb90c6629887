package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import io.sliminfer.format.RandomTensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Our kernels with their grids, for one compute dtype (docs/cuda.md, Entry points). A method is one launch; arguments were checked
 * by {@link CudaOps}. Engine thread only.
 */
final class Kernels {

    /** Rows up to which a product is bound by reading the weight, so that {@code gemv.cu} is used. */
    static final int GEMV_ROWS = 8;

    private static final String ELEMENTWISE = "elementwise.cu";
    private static final String GEMV = "gemv.cu";

    private final KernelLibrary library;
    private final DType compute;
    private final Map<String, Integer> defines;
    private final GemvShape gemvShape;
    private final int vector;
    private final Map<String, Kernel> known = new HashMap<>();

    private final Kernel embed;
    private final Kernel rmsNorm;
    private final Kernel addBias;
    private final Kernel addBiasToFloats;
    private final Kernel siluMultiply;
    private final Kernel gemv;
    private final Kernel gemvToFloats;
    private final Kernel gemvAdd;
    private final Kernel gemvGated;
    private final int gemvResident;

    Kernels(KernelLibrary library, DType compute) {
        this.library = library;
        this.compute = compute;
        this.defines = Map.of("DTYPE", code(compute));
        this.vector = 16 / compute.bytes();
        embed = elementwise("embed");
        rmsNorm = elementwise("rms_norm");
        addBias = elementwise("add_bias_t");
        addBiasToFloats = elementwise("add_bias_f");
        siluMultiply = elementwise("silu_mul");
        gemvShape = library.gemvShape();
        gemv = gemv("gemv_t");
        gemvToFloats = gemv("gemv_f");
        gemvAdd = gemv("gemv_add");
        gemvGated = gemv("gemv_gated");
        // All four have the same shared memory, which is what bounds them.
        gemvResident = gemvAdd.residentBlocks(gemvShape.threads(), gemvShape.sharedBytes(compute));
    }

    /** The macro DTYPE. */
    static int code(DType dtype) {
        return switch (dtype) {
            case F32 -> 0;
            case F16 -> 1;
            case BF16 -> 2;
            case I32 -> throw new IllegalArgumentException("I32 is no compute dtype");
        };
    }

    /** What a model's prefill and decode need, to be compiled together. */
    static List<KernelLibrary.Request> of(DType compute, GemvShape gemv) {
        return List.of(
                new KernelLibrary.Request(ELEMENTWISE, Map.of("DTYPE", code(compute))),
                new KernelLibrary.Request(GEMV, gemv.defines(compute)));
    }

    private Kernel elementwise(String entry) {
        return library.kernel(ELEMENTWISE, entry, defines);
    }

    private Kernel gemv(String entry) {
        return library.kernel(GEMV, entry, gemvShape.defines(compute));
    }

    private Kernel loading(String entry) {
        return known.computeIfAbsent(entry, name -> elementwise(entry));
    }

    void embed(CudaStream stream, CudaTensor x, long ids, long table) {
        embed.args()
                .pointer(x.address())
                .pointer(ids)
                .pointer(table)
                .integer((int) x.rows())
                .integer((int) x.columns())
                .launch(stream, (int) x.rows(), up((int) x.columns(), 128 * vector), 1, 128, 0);
    }

    void rmsNorm(CudaStream stream, CudaTensor out, CudaTensor x, long gain, float epsilon) {
        int columns = (int) x.columns();
        rmsNorm.args()
                .pointer(out.address())
                .pointer(x.address())
                .pointer(gain)
                .integer((int) x.rows())
                .integer(columns)
                .real(epsilon)
                .launch(stream, (int) x.rows(), 1, 1, Math.min(1024, 32 * up(columns, 512)), 0);
    }

    /** {@code out += bias}, for compute dtype or float32. */
    void addBias(CudaStream stream, CudaTensor out, long bias) {
        boolean floats = out.dtype() == DType.F32;
        (floats ? addBiasToFloats : addBias)
                .args()
                .pointer(out.address())
                .pointer(bias)
                .integer((int) out.rows())
                .integer((int) out.columns())
                .launch(stream, (int) out.rows(), up((int) out.columns(), 128 * (floats ? 4 : vector)), 1, 128, 0);
    }

    void siluMultiply(CudaStream stream, long out, long gateUp, int rows, int inner) {
        siluMultiply
                .args()
                .pointer(out)
                .pointer(gateUp)
                .integer(rows)
                .integer(inner)
                .launch(stream, rows, up(inner, 256 * vector), 1, 256, 0);
    }

    /** Whether random values of this type are made on the device. */
    boolean fills(DType dtype) {
        return dtype == compute || dtype == DType.F32;
    }

    /** Fills with seeded random values ({@link RandomTensor}) around 0. */
    void fill(CudaStream stream, long address, DType to, RandomTensor random) {
        long count = random.rows() * random.columns();
        loading(to == compute ? "fill_random" : "fill_random_f")
                .args()
                .pointer(address)
                .wide(count)
                .wide(random.seed())
                .real((float) random.deviation())
                .launch(stream, (int) Math.min((count + 255) / 256, 65536), 1, 1, 256, 0);
    }

    /** Converts a file's elements to compute dtype or float32. */
    void convert(CudaStream stream, long out, DType to, long in, DType from, long count) {
        String entry = from.name().toLowerCase(java.util.Locale.ROOT) + (to == compute ? "_to_t" : "_to_f");
        loading(entry)
                .args()
                .pointer(out)
                .pointer(in)
                .wide(count)
                .launch(stream, (int) Math.min((count + 2047) / 2048, 65536), 1, 1, 256, 0);
    }

    /**
     * {@code out = in * w^T + bias}, or added to float32 {@code out}: 1 to {@link #GEMV_ROWS} rows.
     */
    void gemv(CudaStream stream, CudaTensor out, CudaTensor in, CudaWeight w, boolean add) {
        (add ? gemvAdd : out.dtype() == DType.F32 ? gemvToFloats : gemv)
                .args()
                .pointer(out.address())
                .pointer(in.address())
                .pointer(w.address())
                .pointer(w.bias())
                .integer((int) in.rows())
                .integer((int) w.rows())
                .integer((int) w.columns())
                .launch(
                        stream,
                        GemvShape.grid((int) w.rows(), gemvResident),
                        1,
                        1,
                        gemvShape.threads(),
                        gemvShape.sharedBytes(compute));
    }

    /** {@code out = silu(in * gate^T + bias) * (in * up^T + bias)}: 1 to {@link #GEMV_ROWS} rows. */
    void gatedGemv(CudaStream stream, CudaTensor out, CudaTensor in, CudaWeight gateUp) {
        gemvGated
                .args()
                .pointer(out.address())
                .pointer(in.address())
                .pointer(gateUp.address())
                .pointer(gateUp.bias())
                .integer((int) in.rows())
                .integer((int) out.columns())
                .integer((int) in.columns())
                .launch(
                        stream,
                        GemvShape.grid((int) out.columns(), gemvResident),
                        1,
                        1,
                        gemvShape.threads(),
                        gemvShape.sharedBytes(compute));
    }

    KernelLibrary library() {
        return library;
    }

    /** Smallest number of pieces of {@code size} that cover {@code count}. */
    static int up(int count, int size) {
        return (count + size - 1) / size;
    }
}
