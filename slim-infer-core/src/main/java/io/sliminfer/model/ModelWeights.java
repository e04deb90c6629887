package io.sliminfer.model;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * A model's weights on a backend.
 *
 * @param head   the output head: the embedding table itself where the two are tied
 * @param bytes  of all
 * @param report in which forms they are kept
 */
public record ModelWeights(
        Weight embedding, List<LayerWeights> layers, Weight norm, Weight head, long bytes, WeightReport report) {

    /** Rows of the RoPE table that are computed together, on all cores: at 131,072 positions one core takes seconds. */
    private static final int ROPE_ROWS = 4096;

    /**
     * @param positions positions that will be used, which sizes the RoPE table
     * @param loaded    told after each layer how many are loaded
     */
    public static ModelWeights load(Backend backend, ModelFolder folder, int positions, IntConsumer loaded) {
        return load(backend, folder, ModelSpecs.of(folder), positions, loaded);
    }

    /** The same of specifications that are already made. */
    public static ModelWeights load(
            Backend backend, ModelFolder folder, ModelSpecs specs, int positions, IntConsumer loaded) {
        ModelConfig config = folder.config();
        Loader loader = new Loader(backend, folder);
        Tensor rope = ropeTable(backend, config, positions);
        Weight embedding = loader.load(specs.embedding());
        List<LayerWeights> layers = new ArrayList<>();
        for (ModelSpecs.Layer layer : specs.layers()) {
            HeadLayout heads = new HeadLayout(
                    config.heads(),
                    config.kvHeads(),
                    config.headDim(),
                    layer.queryNorm() == null ? null : loader.load(layer.queryNorm()),
                    layer.keyNorm() == null ? null : loader.load(layer.keyNorm()),
                    config.normEpsilon(),
                    rope);
            layers.add(new LayerWeights(
                    loader.load(layer.attentionNorm()),
                    loader.load(layer.qkv()),
                    heads,
                    loader.load(layer.output()),
                    loader.load(layer.mlpNorm()),
                    loader.load(layer.gateUp()),
                    loader.load(layer.down())));
            loaded.accept(layers.size());
        }
        Weight norm = loader.load(specs.norm());
        Weight head = specs.head() == null ? embedding : loader.load(specs.head());
        return new ModelWeights(embedding, List.copyOf(layers), norm, head, loader.bytes, loader.report.build());
    }

    private static Tensor ropeTable(Backend backend, ModelConfig config, int positions) {
        RopeTable rope = new RopeTable(config.rope(), config.headDim());
        Tensor table = backend.allocate("rope", DType.F32, positions, rope.columns());
        float[] rows = new float[ROPE_ROWS * rope.columns()];
        for (int from = 0; from < positions; from += ROPE_ROWS) {
            int count = Math.min(ROPE_ROWS, positions - from);
            int first = from;
            IntStream.range(0, count).parallel().forEach(i -> rope.fill(rows, i * rope.columns(), first + i));
            backend.ops().write(table, from, rows, count * rope.columns());
        }
        return table;
    }

    private static final class Loader {
        private final Backend backend;
        private final WeightReport.Builder report;
        private long bytes;

        Loader(Backend backend, ModelFolder folder) {
            this.backend = backend;
            report = new WeightReport.Builder(folder.quantisedTypes());
        }

        Weight load(WeightSpec spec) {
            Weight weight = backend.load(spec);
            bytes += weight.bytes();
            report.add(spec, weight);
            return weight;
        }
    }
}
