package io.sliminfer.format;

import static io.sliminfer.format.ConfigReaderTests.assertRefused;
import static io.sliminfer.format.ConfigReaderTests.read;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RopeReaderTests {

    private static final RopeConfig.Llama3 LLAMA_3_1 = new RopeConfig.Llama3(8, 1, 4, 8192);

    @Test
    void readsTheNewAndTheOldForm() {
        String llama3 = "\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
                + "\"original_max_position_embeddings\":8192,";
        RopeConfig expected = new RopeConfig(500_000, LLAMA_3_1);
        assertThat(rope("\"rope_parameters\":{" + llama3 + "\"rope_type\":\"llama3\",\"rope_theta\":500000.0}"))
                .isEqualTo(expected);
        assertThat(rope("\"rope_theta\":500000.0,\"rope_scaling\":{" + llama3 + "\"rope_type\":\"llama3\"}"))
                .isEqualTo(expected);
        assertThat(rope("\"rope_theta\":500000.0,\"rope_scaling\":{" + llama3 + "\"type\":\"llama3\"}"))
                .isEqualTo(expected);
    }

    @Test
    void withoutScalingOnlyThetaCounts() {
        assertThat(rope("\"rope_theta\":1000000")).isEqualTo(new RopeConfig(1e6, new RopeConfig.None()));
        assertThat(rope("\"rope_theta\":5e5,\"rope_scaling\":null"))
                .isEqualTo(new RopeConfig(5e5, new RopeConfig.None()));
        assertThat(rope("\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":2e5},\"rope_theta\":1e5"))
                .isEqualTo(new RopeConfig(2e5, new RopeConfig.None()));
        assertThat(rope("\"rope_parameters\":{\"rope_type\":\"default\"},\"rope_theta\":1e5"))
                .isEqualTo(new RopeConfig(1e5, new RopeConfig.None()));
        assertThat(rope("\"rope_parameters\":{}")).isEqualTo(new RopeConfig(1e4, new RopeConfig.None()));
    }

    @Test
    void theOldFormWinsOverTheNewOne() {
        String both = "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":3e5},\"rope_theta\":2e5,";
        assertThat(rope(both + "\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}"))
                .isEqualTo(new RopeConfig(2e5, new RopeConfig.Linear(2)));
        assertThat(rope(both + "\"rope_scaling\":{}")).isEqualTo(new RopeConfig(3e5, new RopeConfig.None()));
    }

    @Test
    void ropeTypeWinsOverType() {
        assertThat(rope("\"rope_scaling\":{\"rope_type\":\"linear\",\"type\":\"dynamic\",\"factor\":4.0}")
                        .scaling())
                .isEqualTo(new RopeConfig.Linear(4));
    }

    @Test
    void yarnHasDefaults() {
        assertThat(
                        rope("\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":32768}")
                                .scaling())
                .isEqualTo(new RopeConfig.Yarn(4, 0.1 * Math.log(4) + 1, 32, 1, 32768, true));
        assertThat(rope("\"max_position_embeddings\":4096,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":1.0}")
                        .scaling())
                .isEqualTo(new RopeConfig.Yarn(1, 1, 32, 1, 4096, true));
        assertThat(rope("\"rope_scaling\":{\"type\":\"yarn\",\"factor\":2,\"beta_fast\":0,\"beta_slow\":null}")
                        .scaling())
                .isEqualTo(new RopeConfig.Yarn(2, 0.1 * Math.log(2) + 1, 32, 1, 2048, true));
    }

    @Test
    void yarnValuesCanBeStated() {
        assertThat(rope("\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4,\"attention_factor\":1.5,\"beta_fast\":16,"
                                + "\"beta_slow\":2,\"truncate\":false,\"original_max_position_embeddings\":512}")
                        .scaling())
                .isEqualTo(new RopeConfig.Yarn(4, 1.5, 16, 2, 512, false));
    }

    @Test
    void yarnMagnitudesFollowFromBothMscales() {
        String yarn = "\"rope_scaling\":{\"type\":\"yarn\",\"factor\":40,";
        RopeConfig.Yarn both = (RopeConfig.Yarn)
                rope(yarn + "\"mscale\":1.0,\"mscale_all_dim\":0.8}").scaling();
        assertThat(both.attentionFactor())
                .isCloseTo((0.1 * Math.log(40) + 1) / (0.08 * Math.log(40) + 1), within(1e-15));
        RopeConfig.Yarn one = (RopeConfig.Yarn)
                rope(yarn + "\"mscale\":0.7,\"mscale_all_dim\":0}").scaling();
        assertThat(one.attentionFactor()).isEqualTo(0.1 * Math.log(40) + 1);
    }

    @Test
    void aNullYarnFactorIsTheRatioOfTheLengths() {
        assertThat(rope("\"max_position_embeddings\":8192,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":null,"
                                + "\"original_max_position_embeddings\":2048}")
                        .scaling())
                .isEqualTo(new RopeConfig.Yarn(4, 0.1 * Math.log(4) + 1, 32, 1, 2048, true));
    }

    @Test
    void theOriginalLengthAtTheTopWins() {
        assertThat(rope("\"original_max_position_embeddings\":256,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":2,"
                                + "\"original_max_position_embeddings\":1024}")
                        .scaling())
                .isEqualTo(new RopeConfig.Yarn(2, 0.1 * Math.log(2) + 1, 32, 1, 256, true));
    }

    @ParameterizedTest
    @ValueSource(strings = {"dynamic", "longrope", "su", "proportional", "mrope"})
    void otherTypesAreRefused(String type) {
        assertRefused(json("\"rope_scaling\":{\"type\":\"" + type + "\",\"factor\":2}"))
                .withMessage("config.json: rope_scaling.type is \"" + type
                        + "\"; supported are default, linear, llama3 and yarn.");
        assertRefused(json("\"rope_parameters\":{\"rope_type\":\"" + type + "\",\"factor\":2}"))
                .withMessageStartingWith("config.json: rope_parameters.rope_type is ");
    }

    @Test
    void valuesThatMakeNoSenseAreRefused() {
        assertRefused(json("\"rope_scaling\":{\"type\":\"linear\"}"))
                .withMessage("config.json: rope_scaling.factor is missing; a number above 0 is expected.");
        assertRefused(json("\"rope_scaling\":{\"type\":\"linear\",\"factor\":-2}"))
                .withMessageContaining("rope_scaling.factor is -2");
        assertRefused(json("\"rope_scaling\":{\"type\":\"linear\",\"factor\":\"2\"}"))
                .withMessageContaining("a finite number is expected");
        assertRefused(json("\"rope_scaling\":{\"type\":\"yarn\"}"))
                .withMessageContaining("rope_scaling.factor is missing");
        assertRefused(
                        json(
                                "\"rope_scaling\":{\"type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4}"))
                .withMessage("config.json: rope_scaling.high_freq_factor is 4; a number above low_freq_factor=4.0 is"
                        + " expected.");
        assertRefused(json("\"rope_theta\":0"))
                .withMessage("config.json: rope_theta is 0; a number above 1 is expected.");
        assertRefused(json("\"rope_scaling\":\"linear\""))
                .withMessage("config.json: rope_scaling is \"linear\"; an object is expected.");
        assertRefused(json("\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.25}"))
                .withMessageStartingWith("config.json: rope_parameters.partial_rotary_factor is 0.25");
    }

    @Test
    void embeddingsThatDifferByLayerAreRefused() {
        assertRefused(json("\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"default\"}}"))
                .withMessageStartingWith("config.json: rope_parameters.full_attention is {")
                .withMessageEndingWith("; rotary embeddings that differ by layer are not supported.");
    }

    private static RopeConfig rope(String fields) {
        return read(json(fields)).rope();
    }

    private static String json(String fields) {
        return "{\"model_type\":\"llama\"," + fields + "}";
    }
}
