package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What oneDNN alone reaches on the four matrix shapes of a model: the ceiling of a prefill that spends its time nowhere else.
 * Weights of a shape are one matrix here, as large as one layer's and used again and again, so that they may stay in a cache
 * where the engine must read those of the next layer: the ceiling is rather too high than too low. One thread.
 */
final class GemmBaseline implements AutoCloseable {

    /** As many rows as the engine's prefill tile. */
    static final int ROWS_MAX = 1024;

    /** {@code out[rows, n] = in[rows, k] * weight[n, k]^T}. */
    private record Shape(String name, long n, long k, DType out) {
        double flops(long rows) {
            return 2.0 * rows * n * k;
        }
    }

    private final List<Shape> shapes;
    private final OneDnnProduct.Library library;
    private final DType activations;
    private final DType weights;

    /**
     * @param activations dtype that the engine computes in
     * @throws IllegalStateException if oneDNN cannot be loaded
     */
    GemmBaseline(ModelConfig model, DType activations, int threads) {
        this.activations = activations;
        // Outputs as the engine stores them: float32 for what is added to the residual stream or rotated.
        shapes = List.of(
                new Shape("qkv", model.queryColumns() + 2L * model.kvColumns(), model.hidden(), DType.F32),
                new Shape("o", model.hidden(), model.queryColumns(), DType.F32),
                new Shape("gateUp", 2L * model.intermediate(), model.hidden(), activations),
                new Shape("down", model.hidden(), model.intermediate(), DType.F32));
        library = new OneDnnProduct.Library(threads);
        weights = library.multiplies(activations, model.dtype()) ? model.dtype() : activations;
    }

    /** Such as {@code f32 x bf16}. */
    String dtypes() {
        return (activations + " x " + weights).toLowerCase(java.util.Locale.ROOT);
    }

    /** A line of results: FLOPs of all four products by the time that they take together. */
    Map<String, Object> measure(int promptTokens) {
        int rows = Math.min(promptTokens, ROWS_MAX);
        Map<String, Object> byShape = new LinkedHashMap<>();
        double flops = 0;
        double seconds = 0;
        for (Shape shape : shapes) {
            double time;
            try (OneDnnProduct product = library.product(rows, shape.n, shape.k, activations, weights, shape.out)) {
                time = product.secondsEach();
            }
            byShape.put(shape.name, Spread.rounded(shape.flops(rows) / time / 1e9));
            flops += shape.flops(rows);
            seconds += time;
        }
        Map<String, Object> sample = new LinkedHashMap<>();
        sample.put("type", "sample");
        sample.put("mode", Baseline.GEMM.label());
        sample.put("promptTokens", promptTokens);
        sample.put("rows", rows);
        sample.put("dtypes", dtypes());
        sample.put("gflopsPerSecond", Spread.rounded(flops / seconds / 1e9));
        sample.put("gflopsPerSecondByShape", byShape);
        return sample;
    }

    @Override
    public void close() {
        library.close();
    }
}
