package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.SmallModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogitErrorsTests {

    private static final List<int[]> PROMPTS =
            List.of(SmallModels.prompt(1, 90, 64), SmallModels.prompt(2, 5, 64), SmallModels.prompt(3, 33, 64));

    @TempDir
    private Path folder;

    @BeforeEach
    void needsTheCpuBackend() {
        BackendProvider.Availability availability = Backends.choose("cpu").availability();
        Assumptions.assumeTrue(availability.usable(), availability.reason());
    }

    private LogitErrors.Result measure(ModelFolderWriter model) {
        try (ModelFolder opened = ModelFolder.open(model.write(folder.resolve("model")))) {
            return LogitErrors.measure(opened, "cpu", PROMPTS);
        }
    }

    @Test
    void eachPartHasAnErrorOfItsOwnAndAllTogetherMore() {
        LogitErrors.Result result = measure(SmallModels.llama());

        List<String> parts = new ArrayList<>();
        for (int layer = 0; layer < 6; layer++) {
            parts.add("model.layers." + layer);
        }
        parts.add(LogitErrors.HEAD);
        parts.add(LogitErrors.ALL);
        assertThat(result.effects().keySet()).containsExactlyElementsOf(parts);
        assertThat(result.kept()).isEmpty();
        LogitErrors.Effect all = result.effects().get(LogitErrors.ALL);
        result.effects().forEach((part, effect) -> {
            assertThat(effect.error()).as(part).isBetween(1e-4, 0.1).isLessThanOrEqualTo(all.error());
            assertThat(effect.same()).as(part).isBetween(0.0, 1.0);
        });
    }

    /** The head's products are the logits, so that its error is that of its own 8 bits alone. */
    @Test
    void theHeadChangesLogitsByWhatItsOwnProductsLose() {
        ModelFolderWriter model = SmallModels.llama();

        LogitErrors.Effect head = measure(model).effects().get(LogitErrors.HEAD);

        try (ModelFolder opened = ModelFolder.open(folder.resolve("model"))) {
            double products = QuantisationErrors.measure(opened, "cpu", PROMPTS).get("lm_head");
            assertThat(head.error()).isBetween(products / 2, products * 2); // that one sees some of the outputs
        }
    }

    @Test
    void needsAPromptAndABackendWithWeightsInEightBits() {
        try (ModelFolder opened = ModelFolder.open(SmallModels.llama().write(folder.resolve("model")))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> LogitErrors.measure(opened, "cpu", List.of()))
                    .withMessageContaining("need a prompt");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> LogitErrors.measure(opened, "java", PROMPTS))
                    .withMessageContaining("slim-infer.weights=int8");
        }
    }
}
