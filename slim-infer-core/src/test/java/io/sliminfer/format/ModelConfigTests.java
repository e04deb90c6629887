package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class ModelConfigTests {

    /** What Meta and Hugging Face say of Llama-3.1-8B. */
    @Test
    void countsParameters() {
        assertThat(llama(false).parameters()).isEqualTo(8_030_261_248L);
    }

    @Test
    void countsATiedHeadOnce() {
        assertThat(llama(false).parameters() - llama(true).parameters()).isEqualTo(128_256L * 4096);
    }

    private static ModelConfig llama(boolean tied) {
        return new ModelConfig(
                "llama",
                128_256,
                4096,
                14_336,
                32,
                32,
                8,
                128,
                1e-5f,
                new RopeConfig(500_000, new RopeConfig.None()),
                false,
                false,
                false,
                false,
                tied,
                131_072,
                Set.of(128_009),
                DType.BF16);
    }
}
