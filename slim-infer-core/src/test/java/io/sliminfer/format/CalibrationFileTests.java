package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.format.CalibrationFile.Measured;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.UnitAggregation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CalibrationFileTests {

    private static final String GOOD =
            """
            {"format": 1, "layers": 2, "hidden": 16, "schedule": "0:0.5,1:0.25", "block": 32, "unit": 4, "window": 16,
             "sink": 0, "aggregation": "mean",
             "measured": {"prompts": 3, "promptTokens": 900, "divergence": 0.5, "agreement": 1, "flopsSavedShare": 0.4}}
            """;

    private final ModelConfig model = new ModelFolderWriter("llama").model();

    @TempDir
    Path folder;

    private CalibrationFile read(String json) throws IOException {
        Path file = folder.resolve(CalibrationFile.NAME);
        Files.writeString(file, json);
        return CalibrationFile.read(file, model);
    }

    @Test
    void readsWhatItWrote() throws IOException {
        CalibrationFile good = read(GOOD);
        assertThat(good)
                .isEqualTo(new CalibrationFile(
                        2,
                        16,
                        new PruneSchedule(32, 4, 16, 0, UnitAggregation.MEAN, PruneSchedule.parseSteps("0:0.5,1:0.25")),
                        new Measured(3, 900, 0.5, 1, 0.4)));

        Path copy = folder.resolve("copy.json");
        good.write(copy);
        assertThat(CalibrationFile.read(copy, model)).isEqualTo(good);

        CalibrationFile adaptive = new CalibrationFile(
                2, 16, PruneSchedule.dense().withSteps(PruneSchedule.parseSteps("0:p0.9:0.125-0.5/64,1:0.25")), null);
        adaptive.write(copy);
        assertThat(CalibrationFile.read(copy, model)).isEqualTo(adaptive);

        CalibrationFile unmeasured = new CalibrationFile(2, 16, PruneSchedule.dense(), null);
        unmeasured.write(copy);
        assertThat(CalibrationFile.read(copy, model)).isEqualTo(unmeasured);
    }

    @Test
    void listsLayersThatAreNotQuantised() throws IOException {
        Map<String, Double> whole = Map.of("model.layers.1.mlp.down_proj", 0.31, "lm_head", 0.2);
        CalibrationFile file = new CalibrationFile(2, 16, PruneSchedule.dense(), null, whole);
        Path copy = folder.resolve("copy.json");
        file.write(copy);
        assertThat(CalibrationFile.read(copy, model)).isEqualTo(file);

        assertThatThrownBy(() ->
                        read(GOOD.replace("\"sink\"", "\"whole\": {\"model.layers.2.mlp.down_proj\": 1}, \"sink\"")))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("whole.model.layers.2.mlp.down_proj")
                .hasMessageContaining("no such layer");
        assertThatThrownBy(() -> read(GOOD.replace("\"sink\"", "\"whole\": {\"lm_head\": \"much\"}, \"sink\"")))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("whole.lm_head");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"format\": 1, | `` | format is missing; a whole number",
                "\"format\": 1 | \"format\": 2 | format is 2; this version reads format 1",
                "\"layers\": 2 | \"layers\": 3 | layers is 3; config.json says num_hidden_layers=2",
                "\"hidden\": 16 | \"hidden\": 17 | hidden is 17; config.json says hidden_size=16",
                "\"hidden\": 16 | \"hidden\": null | hidden is null; a whole number",
                "\"block\": 32 | \"block\": 4096 | block is 4096; a whole number from 1 to 1024",
                "\"unit\": 4 | \"unit\": 33 | unit is 33; a whole number from 1 to 32",
                "\"window\": 16 | \"window\": 0 | window is 0; a whole number from 1 to 1024",
                "\"sink\": 0 | \"sink\": -1 | sink is -1; a whole number",
                "\"sink\": 0 | \"sink\": \"0\" | sink is \"0\"; a whole number",
                "\"aggregation\": \"mean\" | \"aggregation\": \"median\" | use max, mean, sum",
                "\"aggregation\": \"mean\", | `` | aggregation is missing; a string is expected",
                "1:0.25 | 2:0.25 | there is no layer 2; this model has layers 0..1",
                "1:0.25 | 1:2.5 | a share above 0 and at most 1",
                "1:0.25 | 1:p0.9 | no mass with floor and ceiling",
                "\"schedule\": \"0:0.5,1:0.25\" | \"schedule\": [0] | schedule is [0]; a string is expected",
                "\"sink\": 0 | \"sink\": 0, \"sinks\": 0 | sinks is 0; this field is unknown here",
                "\"prompts\": 3 | \"prompts\": 3, \"date\": 1 | measured.date is 1; this field is unknown here",
                "\"prompts\": 3 | \"prompts\": 0 | measured.prompts is 0; a whole number from 1",
                "\"promptTokens\": 900 | \"promptTokens\": 1.5 | measured.promptTokens is 1.5; a whole number",
                "\"agreement\": 1 | \"agreement\": 1.5 | measured.agreement is 1.5; a number from 0 to 1",
                "\"divergence\": 0.5 | \"divergence\": -1 | measured.divergence is -1; a number from 0",
                "{\"format\" | [{\"format\" | is not valid JSON",
            })
    void refusesWhatDoesNotBelong(String part, String instead, String message) {
        assertThat(GOOD).contains(part);
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> read(GOOD.replace(part, instead)))
                .withMessageStartingWith("slim-infer.json: ")
                .withMessageContaining(message);
    }

    @Test
    void refusesAFileThatIsTooLarge() {
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> read(GOOD + " ".repeat(70_000)))
                .withMessageContaining("at most 65536");
    }
}
