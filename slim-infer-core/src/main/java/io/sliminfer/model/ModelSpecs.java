package io.sliminfer.model;

import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a model's weights are made of. Names are those of the files (Hugging Face) here and nowhere after.
 *
 * @param head the output head, or null where it is the embedding table
 */
public record ModelSpecs(WeightSpec embedding, List<Layer> layers, WeightSpec norm, @Nullable WeightSpec head) {

    /**
     * Of one layer.
     *
     * @param queryNorm gain of each query head, or null
     * @param keyNorm   gain of each key head, or null
     * @param qkv       q above k above v
     * @param gateUp    gate above up
     */
    record Layer(
            @Nullable WeightSpec queryNorm,
            @Nullable WeightSpec keyNorm,
            WeightSpec attentionNorm,
            WeightSpec qkv,
            WeightSpec output,
            WeightSpec mlpNorm,
            WeightSpec gateUp,
            WeightSpec down) {

        Stream<WeightSpec> all() {
            return Stream.concat(
                    Stream.of(queryNorm, keyNorm).flatMap(Stream::ofNullable),
                    Stream.of(attentionNorm, qkv, output, mlpNorm, gateUp, down));
        }
    }

    /** Reads nothing but headers. */
    public static ModelSpecs of(ModelFolder folder) {
        return of(folder, Map.of());
    }

    /**
     * The same with layers that are not to be quantised.
     *
     * @param whole see {@link io.sliminfer.format.CalibrationFile#whole()}
     */
    public static ModelSpecs of(ModelFolder folder, Map<String, Double> whole) {
        ModelConfig config = folder.config();
        Tensors tensors = new Tensors(folder, whole);
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            String layer = "model.layers." + i + ".";
            layers.add(new Layer(
                    config.qkNorm() ? tensors.of(Use.GAIN, layer + "self_attn.q_norm.weight") : null,
                    config.qkNorm() ? tensors.of(Use.GAIN, layer + "self_attn.k_norm.weight") : null,
                    tensors.of(Use.GAIN, layer + "input_layernorm.weight"),
                    tensors.linear(
                            config.attentionBias(),
                            layer + "self_attn.q_proj",
                            layer + "self_attn.k_proj",
                            layer + "self_attn.v_proj"),
                    tensors.linear(config.outputBias(), layer + "self_attn.o_proj"),
                    tensors.of(Use.GAIN, layer + "post_attention_layernorm.weight"),
                    tensors.linear(config.mlpBias(), layer + "mlp.gate_proj", layer + "mlp.up_proj"),
                    tensors.linear(config.mlpBias(), layer + "mlp.down_proj")));
        }
        boolean tied = config.tiedEmbeddings();
        return new ModelSpecs(
                tensors.of(tied ? Use.TABLE : Use.LOOKUP, "model.embed_tokens.weight"),
                List.copyOf(layers),
                tensors.of(Use.GAIN, "model.norm.weight"),
                tied ? null : tensors.of(Use.LINEAR, "lm_head.weight"));
    }

    /** All of them. */
    public List<WeightSpec> all() {
        List<WeightSpec> specs = new ArrayList<>(List.of(embedding, norm));
        layers.forEach(layer -> layer.all().forEach(specs::add));
        if (head != null) {
            specs.add(head);
        }
        return specs;
    }

    private record Tensors(ModelFolder folder, Map<String, Double> whole) {

        WeightSpec of(Use use, String tensor) {
            WeightSpec spec = WeightSpec.of(tensor, use, folder.tensor(tensor));
            return asCalibrated(spec, spec.layer());
        }

        /** Layers with and without {@code .bias}, stacked by rows. */
        WeightSpec linear(boolean bias, String... layers) {
            WeightSpec spec = new WeightSpec(
                    layers[0], tensors(".weight", layers), bias ? tensors(".bias", layers) : List.of(), Use.LINEAR);
            return asCalibrated(spec, layers);
        }

        private WeightSpec asCalibrated(WeightSpec spec, String... layers) {
            for (String layer : layers) {
                Double error = whole.get(layer);
                if (error != null) {
                    return spec.keptBecause(String.format(
                            Locale.ROOT, "calibrated: 8 bits change its outputs by %.0f %%", 100 * error));
                }
            }
            return spec;
        }

        private List<TensorSource> tensors(String kind, String... layers) {
            return Stream.of(layers).map(layer -> folder.tensor(layer + kind)).toList();
        }
    }
}
