package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import java.nio.file.Path;
import java.util.List;

/** Row-major {@code Y[m,n] = X[m,k] W[n,k]^T}, added to Y if asked for. */
final class Gemm implements AutoCloseable {

    static final long WORKSPACE_BYTES = 64L << 20;

    /** How the algorithm for a shape is chosen. */
    enum Choice {
        MEASURED,
        HEURISTIC
    }

    record Shape(DType yType, DType type, int m, int n, int k, boolean accumulate) {}

    /**
     * @param cache folder of SlimInfer's caches; measured algorithms go to {@code cuda-gemm} in it
     */
    Gemm(CudaContext context, Path cache, Choice choice) {}

    /** Measures what has not been measured; takes scratch memory for the largest shape and gives it back. */
    void tune(CudaStream stream, List<Shape> shapes) {
        throw new UnsupportedOperationException();
    }

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
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
