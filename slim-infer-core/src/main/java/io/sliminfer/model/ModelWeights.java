package io.sliminfer.model;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A model's weights on a backend. Names are those of the files (Hugging Face) here and nowhere after.
 *
 * @param head the output head: the embedding table itself where the two are tied
 */
public record ModelWeights(Weight embedding, List<LayerWeights> layers, Weight norm, Weight head, long bytes) {

    /** Rows of the RoPE table that are computed together, on all cores: at 131,072 positions one core takes seconds. */
    private static final int ROPE_ROWS = 4096;

    /**
     * @param positions positions that will be used, which sizes the RoPE table
     * @param loaded    told after each layer how many are loaded
     */
    public static ModelWeights load(Backend backend, ModelFolder folder, int positions, IntConsumer loaded) {
        ModelConfig config = folder.config();
        Loader loader = new Loader(backend, folder);
        Tensor rope = ropeTable(backend, config, positions);
        Weight embedding = loader.load(config.tiedEmbeddings() ? Use.TABLE : Use.LOOKUP, "model.embed_tokens.weight");
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            String layer = "model.layers." + i + ".";
            HeadLayout heads = new HeadLayout(
                    config.heads(),
                    config.kvHeads(),
                    config.headDim(),
                    config.qkNorm() ? loader.load(Use.GAIN, layer + "self_attn.q_norm.weight") : null,
                    config.qkNorm() ? loader.load(Use.GAIN, layer + "self_attn.k_norm.weight") : null,
                    config.normEpsilon(),
                    rope);
            layers.add(new LayerWeights(
                    loader.load(Use.GAIN, layer + "input_layernorm.weight"),
                    loader.linear(
                            config.attentionBias(),
                            layer + "self_attn.q_proj",
                            layer + "self_attn.k_proj",
                            layer + "self_attn.v_proj"),
                    heads,
                    loader.linear(config.outputBias(), layer + "self_attn.o_proj"),
                    loader.load(Use.GAIN, layer + "post_attention_layernorm.weight"),
                    loader.linear(config.mlpBias(), layer + "mlp.gate_proj", layer + "mlp.up_proj"),
                    loader.linear(config.mlpBias(), layer + "mlp.down_proj")));
            loaded.accept(i + 1);
        }
        Weight norm = loader.load(Use.GAIN, "model.norm.weight");
        Weight head = config.tiedEmbeddings() ? embedding : loader.load(Use.LINEAR, "lm_head.weight");
        return new ModelWeights(embedding, List.copyOf(layers), norm, head, loader.bytes);
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
        private final ModelFolder folder;
        private long bytes;

        Loader(Backend backend, ModelFolder folder) {
            this.backend = backend;
            this.folder = folder;
        }

        Weight load(Use use, String tensor) {
            return load(WeightSpec.of(tensor, use, folder.tensor(tensor)));
        }

        /** Layers with and without {@code .bias}, stacked by rows. */
        Weight linear(boolean bias, String... layers) {
            List<TensorSource> parts = Stream.of(layers)
                    .map(layer -> folder.tensor(layer + ".weight"))
                    .toList();
            List<TensorSource> biases = bias
                    ? Stream.of(layers)
                            .map(layer -> folder.tensor(layer + ".bias"))
                            .toList()
                    : List.of();
            return load(new WeightSpec(layers[0], parts, biases, Use.LINEAR));
        }

        private Weight load(WeightSpec spec) {
            Weight weight = backend.load(spec);
            bytes += weight.bytes();
            return weight;
        }
    }
}
