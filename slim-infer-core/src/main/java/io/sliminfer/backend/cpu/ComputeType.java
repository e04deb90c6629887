package io.sliminfer.backend.cpu;

import io.sliminfer.format.DType;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses dtypes by what this CPU does fastest. An instruction set says that bf16 products run, not that they pay: on one Xeon
 * with AVX-512 bf16 they ran at half the speed of float32 products, on another CPU at twice (docs/decisions/0003).
 */
final class ComputeType {

    private static final Logger log = LoggerFactory.getLogger(ComputeType.class);

    private ComputeType() {}

    /**
     * The dtype of activations and KV cache.
     *
     * @param asked what the user asks for, or null to measure
     */
    static DType choose(@Nullable DType asked, DnnlKernels kernels) {
        if (asked == DType.F32 || (asked == DType.BF16 && OneDnn.supportsBf16())) {
            return asked;
        }
        if (asked != null) {
            throw new IllegalArgumentException(
                    "slim-infer.compute-type=" + asked.name().toLowerCase(java.util.Locale.ROOT)
                            + " does not run on this CPU (" + OneDnn.instructionSet() + "): use auto or f32"
                            + (OneDnn.supportsBf16() ? " or bf16" : ""));
        }
        if (OneDnn.fastestDType() == DType.F32) {
            return DType.F32;
        }
        double ratio = secondsOfProduct(DType.F32, kernels) / secondsOfProduct(DType.BF16, kernels);
        log.debug("bf16 products take 1/{} of the time of float32 products", ratio);
        return ratio > 1 ? DType.BF16 : DType.F32;
    }

    /** Best of three products that stay in the cache, about 5 ms each on two cores. */
    private static double secondsOfProduct(DType dtype, DnnlKernels kernels) {
        int rows = 256;
        int columns = 1024;
        try (NativeMemory in = new NativeMemory("a trial", (long) rows * columns * 4);
                NativeMemory weight = new NativeMemory("a trial", (long) columns * columns * 4);
                NativeMemory out = new NativeMemory("a trial", (long) rows * columns * 4)) {
            DnnlPrimitive product = kernels.matmul(
                    Layout.matrix(dtype, rows, columns, columns),
                    Layout.transposed(dtype, columns, columns, columns),
                    Layout.matrix(DType.F32, rows, columns, columns),
                    false,
                    DnnlKernels.After.NOTHING);
            double best = Double.MAX_VALUE;
            for (int i = 0; i < 4; i++) {
                long start = System.nanoTime();
                product.execute(in.address(), weight.address(), out.address());
                best = Math.min(best, System.nanoTime() - start);
            }
            return best * 1e-9;
        }
    }

    /**
     * The dtype that a weight of a file has in memory: the file's own where the CPU multiplies it with the activations in place,
     * else the activations'.
     */
    static DType weight(DType compute, DType file, DnnlKernels kernels) {
        if (file == compute || (compute == DType.F32 && kernels.multipliesInPlace(compute, file))) {
            return file;
        }
        return compute;
    }
}
