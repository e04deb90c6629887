package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.CalibrationFile;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.SmallModels;
import io.sliminfer.model.WeightReport;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A layer whose inputs have outlier channels, as large models have them, is found by its outputs and by nothing else. */
class QuantisationErrorsTests {

    private static final String OUTLIERS = "model.layers.1.mlp.gate_proj";

    @TempDir
    private Path folder;

    /** Two channels of a norm's gain are 300 times the others, and the weights behind them as much smaller: their share is as before. */
    private Path model() {
        ModelFolderWriter writer = SmallModels.llama();
        int hidden = writer.model().hidden();
        int inner = writer.model().intermediate();
        float[] gain = new float[hidden];
        Arrays.fill(gain, 1);
        gain[3] = 300;
        gain[hidden - 2] = -300;
        String norm = "model.layers.1.post_attention_layernorm.weight";
        String gate = OUTLIERS + ".weight";
        String up = "model.layers.1.mlp.up_proj.weight";
        return writer.tensors(tensors -> tensors.remove(norm)
                        .remove(gate)
                        .remove(up)
                        .add(norm, DType.F32, new long[] {hidden}, gain)
                        .add(gate, DType.F32, new long[] {inner, hidden}, behind(gain, inner, 1))
                        .add(up, DType.F32, new long[] {inner, hidden}, behind(gain, inner, 2)))
                .write(folder.resolve("model"));
    }

    private static float[] behind(float[] gain, int rows, long seed) {
        Random random = new Random(seed);
        float[] weights = new float[rows * gain.length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) random.nextGaussian() * 0.2f / gain[i % gain.length];
        }
        return weights;
    }

    @Test
    void findsTheLayerWithOutliers() {
        Path model = model();
        Map<String, Double> errors;
        try (ModelFolder opened = ModelFolder.open(model)) {
            errors = QuantisationErrors.measure(
                    opened, "java", List.of(SmallModels.prompt(1, 90, 64), SmallModels.prompt(2, 5, 64)));
        }

        assertThat(errors).hasSize(6 * 4 + 1).containsKey("lm_head");
        assertThat(errors.get(OUTLIERS)).isGreaterThan(0.1);
        errors.forEach((layer, error) -> {
            if (!layer.equals(OUTLIERS)) {
                assertThat(error).as(layer).isBetween(0.001, 0.05);
            }
        });
    }

    @Test
    void anEngineKeepsTheLayersThatCalibrationLists() {
        BackendProvider.Availability availability = Backends.choose("cpu").availability();
        Assumptions.assumeTrue(availability.usable(), availability.reason());
        Path model = model();
        new CalibrationFile(6, 32, PruneSchedule.dense(), null, Map.of(OUTLIERS, 0.25))
                .write(model.resolve(CalibrationFile.NAME));

        assertThat(report(model, WeightPrecision.INT8).kept())
                .containsExactly(
                        new WeightReport.Kept(OUTLIERS, "f32", "calibrated: 8 bits change its outputs by 25 %"));
        assertThat(report(model, WeightPrecision.INT8).text())
                .startsWith("int8 and ")
                .contains("; not quantised: " + OUTLIERS + " in f32 (calibrated");
        assertThat(report(model, WeightPrecision.BF16).kept()).isEmpty();
    }

    private static WeightReport report(Path model, WeightPrecision weights) {
        try (TestEngine test =
                TestEngine.settings().backend("cpu").weights(weights).open(model)) {
            return test.engine.weights();
        }
    }
}
