package io.sliminfer.format;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The supported architectures and what an absent field of their {@code config.json} means: the defaults of the configuration
 * classes in transformers 5.
 */
enum Architecture {
    LLAMA("llama", "LlamaForCausalLM", 32_000, 11_008, null, null, 2048, 2),
    MISTRAL("mistral", "MistralForCausalLM", 32_000, 14_336, 8, null, 131_072, 2),
    QWEN2("qwen2", "Qwen2ForCausalLM", 151_936, 22_016, 32, null, 32_768, null),
    QWEN3("qwen3", "Qwen3ForCausalLM", 151_936, 22_016, 32, 128, 32_768, null);

    /** These are the same in all four classes. */
    static final int HIDDEN = 4096;

    static final int LAYERS = 32;
    static final int HEADS = 32;
    static final double NORM_EPSILON = 1e-6;
    static final int SLIDING_WINDOW = 4096;
    static final int MAX_WINDOW_LAYERS = 28;

    final String modelType;
    final String className;
    final int vocabulary;
    final int intermediate;
    /** Null: as many as query heads. */
    final @Nullable Integer kvHeads;
    /** Null: hidden size / heads. */
    final @Nullable Integer headDim;

    final int maxPositions;
    final @Nullable Integer endOfSequence;

    Architecture(
            String modelType,
            String className,
            int vocabulary,
            int intermediate,
            @Nullable Integer kvHeads,
            @Nullable Integer headDim,
            int maxPositions,
            @Nullable Integer endOfSequence) {
        this.modelType = modelType;
        this.className = className;
        this.vocabulary = vocabulary;
        this.intermediate = intermediate;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        this.maxPositions = maxPositions;
        this.endOfSequence = endOfSequence;
    }

    /**
     * Reads {@code model_type} and {@code architectures}.
     *
     * @throws ModelFormatException if the architecture is not supported or the two contradict each other
     */
    static Architecture of(JsonFields config) {
        String modelType = config.text("model_type");
        Architecture architecture = Arrays.stream(values())
                .filter(candidate -> candidate.modelType.equals(modelType))
                .findFirst()
                .orElseThrow(() -> config.wrong(
                        "model_type",
                        "supported are "
                                + Arrays.stream(values())
                                        .map(candidate -> candidate.modelType)
                                        .collect(Collectors.joining(", "))));
        // The first Llama checkpoints spell it LLaMAForCausalLM.
        if (!config.texts("architectures").isEmpty()
                && config.texts("architectures").stream().noneMatch(architecture.className::equalsIgnoreCase)) {
            throw config.wrong(
                    "architectures",
                    "model_type \"" + modelType + "\" is supported as " + architecture.className + " only");
        }
        return architecture;
    }
}
