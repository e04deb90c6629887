package io.sliminfer.benchmarks.models;

import io.sliminfer.format.DType;
import io.sliminfer.format.GgufType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.RopeConfig;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Shapes of published models with seeded random bf16 weights that the device makes itself: nothing is written or read. */
public final class RandomModel {

    /** How the command line names such a model. */
    public static final String PREFIX = "random:";

    private static final long SEED = 7;

    /** 512 positions above the published 131,072, so that a prompt of that length leaves room for an answer. */
    private static final int POSITIONS = 131_072 + 512;

    private static final RopeConfig LLAMA_3_1 = new RopeConfig(500_000, new RopeConfig.Llama3(8, 1, 4, 8192));
    private static final RopeConfig LLAMA_3_2 = new RopeConfig(500_000, new RopeConfig.Llama3(32, 1, 4, 8192));

    private static final Map<String, ModelConfig> SHAPES = Map.of(
            "llama-3.1-8b",
            llama(128_256, 4096, 14_336, 32, 32, 8, 128, LLAMA_3_1, false, POSITIONS),
            "llama-3.2-1b",
            llama(128_256, 2048, 8192, 16, 32, 8, 64, LLAMA_3_2, true, POSITIONS));

    /** For tests of the benchmarks themselves. */
    private static final String TEST = "test";

    private static final ModelConfig TEST_SHAPE =
            llama(512, 64, 128, 4, 4, 2, 16, new RopeConfig(10_000, new RopeConfig.None()), false, 1024);

    private RandomModel() {}

    private static ModelConfig llama(
            int vocabulary,
            int hidden,
            int intermediate,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            RopeConfig rope,
            boolean tied,
            int positions) {
        return new ModelConfig(
                "llama",
                vocabulary,
                hidden,
                intermediate,
                layers,
                heads,
                kvHeads,
                headDim,
                1e-5f,
                rope,
                false,
                false,
                false,
                false,
                tied,
                positions,
                Set.of(),
                DType.BF16);
    }

    /**
     * The model behind {@code random:NAME}.
     *
     * @throws IllegalArgumentException naming the shapes there are
     */
    public static ModelFolder open(String name) {
        return open(name, null);
    }

    /**
     * The same with matrices in GGUF's blocks.
     *
     * @param blocks Q8_0, Q4_0, Q4_K or Q6_K; null for bf16
     */
    public static ModelFolder open(String name, @Nullable GgufType blocks) {
        ModelConfig config = name.equals(TEST) ? TEST_SHAPE : SHAPES.get(name);
        if (config == null) {
            throw new IllegalArgumentException(PREFIX + name + " is unknown: there are "
                    + SHAPES.keySet().stream().sorted().map(PREFIX::concat).collect(Collectors.joining(", ")));
        }
        return ModelFolder.random("random-" + name, config, SEED, blocks);
    }
}
