package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Matrix products by cuBLASLt: row-major {@code Y[m,n] = X[m,k] W[n,k]^T}, added to Y if asked for, accumulated in float32 (no TF32).
 * A 16-bit Y is rounded once; where it is added to, the library rounds the product and then the sum, so sums that go on belong in float32.
 * The library offers several algorithms for a shape, and its first is often not the fastest: they are timed once for each class of
 * shapes, and the winner is kept on disk. One thread, and one stream at a time, for all products share a workspace.
 */
final class Gemm implements AutoCloseable {

    /** How the algorithm for a shape is chosen. */
    enum Choice {
        /** By measurement where nothing is known of the shape's class and the stream is not capturing. */
        MEASURED,
        /** The library's first. */
        HEURISTIC
    }

    /** A product that will come, its rows without gaps. */
    record Shape(DType yType, DType type, int m, int n, int k, boolean accumulate) {}

    static final long WORKSPACE_BYTES = 64L << 20;
    private static final int CANDIDATES_MAX = 16;

    /** Exact shapes with their descriptors made; a prompt length needs one for each kind of layer. */
    private static final int PLANS_MAX = 1024;

    private static final int REPEATS = 5;
    private static final int REPEATS_LONG = 3;
    private static final float LONG_MILLIS = 0.5f;

    /** 0.01 as float32 or bf16, 1 as f16: numbers like those of a model, where zeros would let the GPU clock higher. */
    private static final int SCRATCH_BYTE = 0x3c;

    private static final Logger log = LoggerFactory.getLogger(Gemm.class);

    private final CudaContext context;
    private final CudaStatus status;
    private final boolean measured;
    private final GemmAlgorithms algorithms;
    private final Set<GemmShape> unmeasurable = new HashSet<>();
    private final Set<GemmShape> unsupported = new HashSet<>();
    /** Rows that {@link #tune} was told of: they come in every long prompt. */
    private final Set<Integer> exactRows = new HashSet<>();

    private final @Nullable KernelArguments arguments;
    private final DeviceMemory workspace;
    private final CudaAddress workspacePointer;
    private final cublasLtContext handle = new cublasLtContext();
    private final cublasLtMatmulDescOpaque_t product;
    private final FloatPointer zero = new FloatPointer(0f);
    private final FloatPointer one = new FloatPointer(1f);
    private final CudaAddress yPointer = new CudaAddress(0);
    private final CudaAddress xPointer = new CudaAddress(0);
    private final CudaAddress wPointer = new CudaAddress(0);
    private final Map<GemmShape, Plan> plans = new LinkedHashMap<>(16, 0.75f, true);

    /** Plans of collected sequences that others have driven out of {@link #plans}. */
    private final List<Plan> held = new ArrayList<>();

    private int measurements;
    private long measureNanos;
    private boolean closed;

    /** Descriptors and algorithm of one exact shape. */
    private static final class Plan implements AutoCloseable {
        private final cublasLtMatrixLayoutOpaque_t x;
        private final cublasLtMatrixLayoutOpaque_t w;
        private final cublasLtMatrixLayoutOpaque_t y;
        private final cublasLtMatmulAlgo_t algorithm = new cublasLtMatmulAlgo_t();

        /** A collected sequence will run it again, whatever else is run in between. */
        private boolean held;

        // Row-major [rows, columns] is column-major [columns, rows] to the library.
        Plan(GemmShape shape) {
            x = layout(shape.type(), shape.k(), shape.m(), shape.xLd());
            w = layout(shape.type(), shape.k(), shape.n(), shape.wLd());
            y = layout(shape.yType(), shape.n(), shape.m(), shape.yLd());
        }

        private static cublasLtMatrixLayoutOpaque_t layout(DType type, long rows, long columns, long ld) {
            try (PointerPointer<Pointer> made = new PointerPointer<>(1)) {
                requireSuccess(
                        cublas.cublasLtMatrixLayoutCreate(made, dataType(type), rows, columns, ld),
                        "cublasLtMatrixLayoutCreate");
                return new cublasLtMatrixLayoutOpaque_t(made.get(0));
            }
        }

        void use(long[] words) {
            for (int i = 0; i < words.length; i++) {
                algorithm.data(i, words[i]);
            }
        }

        @Override
        public void close() {
            cublas.cublasLtMatrixLayoutDestroy(x);
            cublas.cublasLtMatrixLayoutDestroy(w);
            cublas.cublasLtMatrixLayoutDestroy(y);
            algorithm.close();
        }
    }

    /**
     * @param arguments says whether launches are collected, or null if they never are
     * @param cache     folder of SlimInfer's caches; measured algorithms go to {@code cuda-gemm} in it
     */
    Gemm(CudaContext context, @Nullable KernelArguments arguments, Path cache, Choice choice) {
        this.context = context;
        this.arguments = arguments;
        this.status = context.status();
        this.measured = choice == Choice.MEASURED;
        this.algorithms = new GemmAlgorithms(
                new DiskCache(cache.resolve("cuda-gemm"), "algorithms of matrix products"),
                context.name() + ", driver for CUDA " + context.cudaVersion() + ", cuBLASLt "
                        + cublas.cublasLtGetVersion() + ", workspace " + WORKSPACE_BYTES);
        context.bind();
        this.workspace = context.allocate("workspace of matrix products", WORKSPACE_BYTES);
        this.workspacePointer = new CudaAddress(workspace.address());
        requireSuccess(cublas.cublasLtCreate(handle), "cublasLtCreate");
        this.product = productOfTransposed();
        context.own(this);
    }

    private static cublasLtMatmulDescOpaque_t productOfTransposed() {
        try (PointerPointer<Pointer> made = new PointerPointer<>(1);
                IntPointer transposed = new IntPointer(1).put(cublas.CUBLAS_OP_T)) {
            requireSuccess(
                    cublas.cublasLtMatmulDescCreate(made, cublas.CUBLAS_COMPUTE_32F, cudart.CUDA_R_32F),
                    "cublasLtMatmulDescCreate");
            cublasLtMatmulDescOpaque_t product = new cublasLtMatmulDescOpaque_t(made.get(0));
            requireSuccess(
                    cublas.cublasLtMatmulDescSetAttribute(
                            product, cublas.CUBLASLT_MATMUL_DESC_TRANSA, transposed, Integer.BYTES),
                    "cublasLtMatmulDescSetAttribute");
            return product;
        }
    }

    private static int dataType(DType type) {
        return switch (type) {
            case F32 -> cudart.CUDA_R_32F;
            case F16 -> cudart.CUDA_R_16F;
            case BF16 -> cudart.CUDA_R_16BF;
            case I32 -> throw new IllegalArgumentException("I32 is no type of matrix products");
        };
    }

    /**
     * Measures those of these shapes that are not known yet and runs each once; does nothing if the choice is the library's. Takes scratch memory
     * for the largest and gives it back, so it belongs before the KV pool; a shape without room for scratch is left to the library.
     */
    void tune(CudaStream stream, List<Shape> shapes) {
        if (!measured) {
            return;
        }
        Set<GemmShape> unknown = new LinkedHashSet<>();
        for (Shape shape : shapes) {
            exactRows.add(shape.m());
            unknown.add(
                    GemmShape.dense(shape.type(), shape.yType(), shape.m(), shape.n(), shape.k(), shape.accumulate())
                            .measured(exactRows));
        }
        unknown.removeIf(shape -> algorithms.get(shape) != null);
        List<GemmShape> largestFirst = new ArrayList<>(unknown);
        // So that the scratch is allocated once.
        largestFirst.sort(
                Comparator.comparingLong((GemmShape shape) -> shape.xBytes() + shape.wBytes() + shape.yBytes())
                        .reversed());
        try (Scratch scratch = new Scratch(context, stream)) {
            for (GemmShape shape : largestFirst) {
                measure(stream, shape, 0, scratch);
            }
            if (!unknown.isEmpty()) {
                algorithms.save();
            }
            shapes.forEach(shape -> runOnce(stream, shape, scratch));
        }
    }

    /** The library loads a kernel at its first use: better now than in the first request. */
    private void runOnce(CudaStream stream, Shape of, Scratch scratch) {
        GemmShape shape = GemmShape.dense(of.type(), of.yType(), of.m(), of.n(), of.k(), of.accumulate());
        try {
            Plan plan = plans.get(shape);
            if (plan == null) {
                plan = plan(stream, shape, 0);
            }
            if (plan != null) {
                enqueue(stream, shape, plan, scratch.y(shape), scratch.x(shape), scratch.w(shape));
            }
        } catch (CudaException e) {
            if (!e.outOfMemory()) {
                throw e;
            }
            log.debug("no room for scratch to run {} before it is needed: {}", shape.text(), e.getMessage());
        }
        stream.synchronize();
    }

    /**
     * Enqueues a product. A stream that is to be captured must have run the shape once before: the library loads kernels at their
     * first use.
     *
     * @param yLd elements from one row of y to the next; xLd and wLd likewise
     * @param yType type, or float32
     * @return false, with nothing enqueued, if the library has no algorithm for sizes and alignment like these
     */
    boolean multiply(
            CudaStream stream,
            long y,
            DType yType,
            long yLd,
            long x,
            long xLd,
            long w,
            long wLd,
            DType type,
            int m,
            int n,
            int k,
            boolean accumulate) {
        status.requireAlive("cublasLtMatmul");
        GemmShape shape =
                new GemmShape(type, yType, m, n, k, xLd, wLd, yLd, GemmShape.alignmentOf(y, x, w), accumulate);
        Plan plan = plans.get(shape);
        if (plan == null) {
            plan = unsupported.contains(shape) ? null : plan(stream, shape, w);
        }
        if (plan == null) {
            return false;
        }
        LaunchList list = arguments == null ? null : arguments.collecting();
        if (list != null) {
            plan.held = true;
            list.add(new Product(this, stream, shape, plan, y, x, w));
            return true;
        }
        enqueue(stream, shape, plan, y, x, w);
        return true;
    }

    private void enqueue(CudaStream stream, GemmShape shape, Plan plan, long y, long x, long w) {
        int code = run(stream, plan, y, x, w, shape.accumulate());
        if (code != 0) {
            throw failure(code, "cublasLtMatmul", shape.text());
        }
    }

    /** A product of a sequence that is collected. */
    private record Product(Gemm gemm, CudaStream stream, GemmShape shape, Plan plan, long y, long x, long w)
            implements LaunchList.Call {
        @Override
        public void enqueue() {
            gemm.enqueue(stream, shape, plan, y, x, w);
        }
    }

    private int run(CudaStream stream, Plan plan, long y, long x, long w, boolean accumulate) {
        yPointer.at(y);
        return cublas.cublasLtMatmul(
                handle,
                product,
                one,
                wPointer.at(w),
                plan.w,
                xPointer.at(x),
                plan.x,
                accumulate ? one : zero,
                yPointer,
                plan.y,
                yPointer,
                plan.y,
                plan.algorithm,
                workspacePointer,
                WORKSPACE_BYTES,
                stream.handle());
    }

    private @Nullable Plan plan(CudaStream stream, GemmShape shape, long w) {
        GemmShape known = shape.measured(exactRows);
        if (measured && algorithms.get(known) == null && !unmeasurable.contains(known) && !stream.isCapturing()) {
            try (Scratch scratch = new Scratch(context, stream)) {
                if (measure(stream, known, w, scratch)) {
                    algorithms.save();
                }
            }
        }
        Plan plan = new Plan(shape);
        try {
            long[] algorithm = measured ? algorithms.get(known) : null;
            if (algorithm == null || !fits(plan, algorithm)) {
                List<long[]> found = candidates(shape, plan, 1);
                if (found.isEmpty()) {
                    plan.close();
                    unsupported.add(shape);
                    return null;
                }
                plan.use(found.get(0));
            }
        } catch (RuntimeException e) {
            plan.close();
            throw e;
        }
        if (plans.size() >= PLANS_MAX) {
            Plan oldest = plans.remove(plans.keySet().iterator().next());
            if (oldest.held) {
                held.add(oldest);
            } else {
                oldest.close();
            }
        }
        plans.put(shape, plan);
        return plan;
    }

    /**
     * Whether an algorithm that won for another m of the class, or came from disk, can run this exact shape. If so the plan has it.
     */
    private boolean fits(Plan plan, long[] algorithm) {
        plan.use(algorithm);
        try (cublasLtMatmulHeuristicResult_t result = new cublasLtMatmulHeuristicResult_t()) {
            int code = cublas.cublasLtMatmulAlgoCheck(
                    handle, product, plan.w, plan.x, plan.y, plan.y, plan.algorithm, result);
            return code == 0 && result.state() == 0 && result.workspaceSize() <= WORKSPACE_BYTES;
        }
    }

    /** The library's proposals, its favourite first. */
    private List<long[]> candidates(GemmShape shape, Plan plan, int max) {
        try (PointerPointer<Pointer> made = new PointerPointer<>(1);
                cublasLtMatmulHeuristicResult_t results = new cublasLtMatmulHeuristicResult_t(max)) {
            requireSuccess(cublas.cublasLtMatmulPreferenceCreate(made), "cublasLtMatmulPreferenceCreate");
            cublasLtMatmulPreferenceOpaque_t preference = new cublasLtMatmulPreferenceOpaque_t(made.get(0));
            int[] found = new int[1];
            int code;
            try {
                set(preference, cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, WORKSPACE_BYTES);
                // Parts of a sum are added in float32, not in the type of the output.
                set(
                        preference,
                        cublas.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                        cublas.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
                // The library assumes 256 where it is not told.
                set(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, shape.alignment());
                set(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, shape.alignment());
                set(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, shape.alignment());
                set(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, shape.alignment());
                code = cublas.cublasLtMatmulAlgoGetHeuristic(
                        handle, product, plan.w, plan.x, plan.y, plan.y, preference, max, results, found);
            } finally {
                cublas.cublasLtMatmulPreferenceDestroy(preference);
            }
            List<long[]> candidates = new ArrayList<>();
            for (int i = 0; i < (code == 0 ? found[0] : 0); i++) {
                results.position(i);
                if (results.state() == 0) {
                    candidates.add(words(results.algo()));
                }
            }
            results.position(0);
            if (code != 0 && code != cublas.CUBLAS_STATUS_NOT_SUPPORTED) {
                throw failure(code, "cublasLtMatmulAlgoGetHeuristic", shape.text());
            }
            return candidates;
        }
    }

    private static long[] words(cublasLtMatmulAlgo_t algorithm) {
        long[] words = new long[GemmAlgorithms.WORDS];
        for (int i = 0; i < words.length; i++) {
            words[i] = algorithm.data(i);
        }
        return words;
    }

    private static void set(cublasLtMatmulPreferenceOpaque_t preference, int attribute, int value) {
        try (IntPointer pointer = new IntPointer(1).put(value)) {
            requireSuccess(
                    cublas.cublasLtMatmulPreferenceSetAttribute(preference, attribute, pointer, Integer.BYTES),
                    "cublasLtMatmulPreferenceSetAttribute");
        }
    }

    private static void set(cublasLtMatmulPreferenceOpaque_t preference, int attribute, long value) {
        try (LongPointer pointer = new LongPointer(1).put(value)) {
            requireSuccess(
                    cublas.cublasLtMatmulPreferenceSetAttribute(preference, attribute, pointer, Long.BYTES),
                    "cublasLtMatmulPreferenceSetAttribute");
        }
    }

    /**
     * Times the candidates of a shape and keeps the fastest.
     *
     * @param w the weight if there is one, so that no copy of its size is needed; else 0
     * @return whether it was measured; not where there is no room for the scratch
     */
    private boolean measure(CudaStream stream, GemmShape shape, long w, Scratch scratch) {
        long begin = System.nanoTime();
        try (Plan plan = new Plan(shape)) {
            long y = scratch.y(shape);
            long x = scratch.x(shape);
            long weight = w == 0 ? scratch.w(shape) : w;
            List<long[]> candidates = candidates(shape, plan, CANDIDATES_MAX);
            if (candidates.isEmpty()) {
                unmeasurable.add(shape);
                return false;
            }
            plan.use(candidates.get(0));
            // An idle GPU has lowered its clock, which would count against whoever comes first.
            for (int i = 0; i < REPEATS; i++) {
                run(stream, plan, y, x, weight, shape.accumulate());
            }
            float first = 0;
            float best = Float.POSITIVE_INFINITY;
            long[] fastest = candidates.get(0);
            for (long[] candidate : candidates) {
                plan.use(candidate);
                float millis = median(stream, plan, y, x, weight, shape.accumulate(), scratch);
                first = candidate == candidates.get(0) ? millis : first;
                if (millis < best) {
                    best = millis;
                    fastest = candidate;
                }
            }
            algorithms.put(shape, fastest);
            measurements++;
            log.debug(
                    "{}: {} ms by the best of {} algorithms, {} ms by the library's first",
                    shape.text(),
                    best,
                    candidates.size(),
                    first);
            return true;
        } catch (CudaException e) {
            if (!e.outOfMemory()) {
                throw e;
            }
            unmeasurable.add(shape);
            log.info("{} is not measured, the library's first algorithm is taken: {}", shape.text(), e.getMessage());
            return false;
        } finally {
            measureNanos += System.nanoTime() - begin;
        }
    }

    /** Infinite where the algorithm does not run after all. */
    private float median(CudaStream stream, Plan plan, long y, long x, long w, boolean accumulate, Scratch scratch) {
        // The first run may load the kernel.
        if (run(stream, plan, y, x, w, accumulate) != 0) {
            requireSuccessOrRefused();
            return Float.POSITIVE_INFINITY;
        }
        float[] millis = new float[REPEATS];
        int repeats = REPEATS;
        for (int i = 0; i < repeats; i++) {
            // A model's weights do not stay in the L2 cache from one step to the next: writing 64 MiB drives them out.
            // It also keeps
            // the GPU busy while the product is enqueued, so that no gap is timed.
            stream.fill(workspace.address(), 0, WORKSPACE_BYTES);
            stream.record(scratch.start);
            int code = run(stream, plan, y, x, w, accumulate);
            stream.record(scratch.end);
            scratch.end.join();
            if (code != 0) {
                requireSuccessOrRefused();
                return Float.POSITIVE_INFINITY;
            }
            millis[i] = scratch.end.millisSince(scratch.start);
            if (i == 0 && millis[0] > LONG_MILLIS) {
                repeats = REPEATS_LONG;
            }
        }
        Arrays.sort(millis, 0, repeats);
        return millis[repeats / 2];
    }

    /** A candidate that is refused is passed over; an error of the device is not. */
    private void requireSuccessOrRefused() {
        int code = cudart.cudaGetLastError();
        if (CudaException.sticky(code)) {
            throw status.failure(code, "cublasLtMatmul", "");
        }
    }

    /** Operands for measurements. */
    private static final class Scratch implements AutoCloseable {
        private final CudaContext context;
        private final CudaStream stream;
        private final CudaEvent start;
        private final CudaEvent end;
        private final @Nullable DeviceMemory[] operands = new DeviceMemory[3];

        Scratch(CudaContext context, CudaStream stream) {
            this.context = context;
            this.stream = stream;
            this.start = context.event(true);
            this.end = context.event(true);
        }

        long y(GemmShape shape) {
            return address(0, shape.yBytes());
        }

        long x(GemmShape shape) {
            return address(1, shape.xBytes());
        }

        long w(GemmShape shape) {
            return address(2, shape.wBytes());
        }

        private long address(int operand, long bytes) {
            DeviceMemory memory = operands[operand];
            if (memory == null || memory.bytes() < bytes) {
                operands[operand] = null;
                if (memory != null) {
                    memory.close();
                }
                memory = context.allocate("scratch for measuring a matrix product", bytes);
                operands[operand] = memory;
                stream.fill(memory.address(), SCRATCH_BYTE, bytes);
            }
            return memory.address();
        }

        @Override
        public void close() {
            for (DeviceMemory memory : operands) {
                if (memory != null) {
                    memory.close();
                }
            }
            start.close();
            end.close();
        }
    }

    /** Shapes that were measured, not found on disk. */
    int measurements() {
        return measurements;
    }

    long measureNanos() {
        return measureNanos;
    }

    private static void requireSuccess(int code, String call) {
        if (code != 0) {
            throw new CudaException(call + " failed: " + statusName(code), 0);
        }
    }

    /** The library hides the device's error behind its own, so that is asked for. */
    private CudaException failure(int code, String call, String details) {
        int cause = cudart.cudaGetLastError();
        String what = statusName(code) + "; " + details;
        return cause != 0 ? status.failure(cause, call, what) : new CudaException(call + " failed: " + what, 0);
    }

    private static String statusName(int code) {
        try (BytePointer name = cublas.cublasLtGetStatusName(code)) {
            return name.getString() + " (" + code + ")";
        }
    }

    /** May be called twice. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        context.released(this, 0);
        plans.values().forEach(Plan::close);
        plans.clear();
        held.forEach(Plan::close);
        held.clear();
        cublas.cublasLtMatmulDescDestroy(product);
        // With the context lost this could only fail, and the process's end frees what is left.
        if (!status.isLost()) {
            context.bind();
            cublas.cublasLtDestroy(handle);
        }
        workspace.close();
        zero.close();
        one.close();
    }
}
