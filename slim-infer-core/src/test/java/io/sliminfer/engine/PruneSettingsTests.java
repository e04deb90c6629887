package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.engine.PruneDefaults.Origin;
import io.sliminfer.format.CalibrationFile;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFormatException;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneSizes;
import io.sliminfer.prune.UnitAggregation;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PruneSettingsTests {

    private static final PruneSchedule CALIBRATED =
            new PruneSchedule(32, 4, 16, 8, UnitAggregation.SUM, PruneSchedule.parseSteps("2:0.5"));

    @TempDir
    Path path;

    @BeforeEach
    void writeModel() {
        SmallModels.qwen3().write(path);
    }

    private void calibrate(PruneSchedule schedule) {
        new CalibrationFile(5, 40, schedule, null).write(path.resolve(CalibrationFile.NAME));
    }

    private PruneDefaults resolve(PruneSettings settings) {
        try (ModelFolder folder = ModelFolder.open(path)) {
            return settings.resolve(folder);
        }
    }

    @Test
    void withoutACalibrationTheDefaultIsByDepth() {
        assertThat(resolve(PruneSettings.auto(new PruneSizes(16, null, null, null, UnitAggregation.MEAN), 7)))
                .isEqualTo(new PruneDefaults(
                        new PruneSchedule(16, 8, 64, 64, UnitAggregation.MEAN, PruneSchedule.parseSteps("1:0.1875")),
                        7,
                        Origin.BY_DEPTH));
    }

    @Test
    void aCalibrationIsTakenWithItsSizes() {
        calibrate(CALIBRATED);

        for (PruneSettings settings :
                List.of(PruneSettings.defaults(), PruneSettings.calibrated(PruneSizes.NONE, 2048))) {
            assertThat(resolve(settings)).isEqualTo(new PruneDefaults(CALIBRATED, 2048, Origin.CALIBRATED));
        }
    }

    @Test
    void sizesThatAreConfiguredReplaceTheCalibratedOnes() {
        calibrate(CALIBRATED);

        assertThat(resolve(PruneSettings.auto(new PruneSizes(null, 2, null, 0, null), 0))
                        .schedule())
                .isEqualTo(new PruneSchedule(32, 2, 16, 0, UnitAggregation.SUM, CALIBRATED.steps()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> resolve(PruneSettings.auto(new PruneSizes(null, 48, null, null, null), 0)))
                .withMessageContaining("do not fit slim-infer.json")
                .withMessageContaining("1..32");
    }

    @Test
    void anExplicitScheduleDoesNotLookForACalibration() {
        calibrate(new PruneSchedule(64, 8, 64, 64, PruneSchedule.parseSteps("40:0.5")));
        PruneSchedule schedule = new PruneSchedule(16, 4, 8, 0, PruneSchedule.parseSteps("1:0.5"));

        assertThat(resolve(PruneSettings.of(schedule, 3))).isEqualTo(new PruneDefaults(schedule, 3, Origin.EXPLICIT));
    }

    @Test
    void aCalibrationThatHasToBeThereIsMissedByName() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> resolve(PruneSettings.calibrated(PruneSizes.NONE, 0)))
                .withMessageContaining("slim-infer.pruning.schedule=calibrated")
                .withMessageContaining(path + " has no slim-infer.json");
    }

    @Test
    void aCalibrationOfAnotherModelIsRefused() {
        new CalibrationFile(6, 40, CALIBRATED, null).write(path.resolve(CalibrationFile.NAME));

        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> resolve(PruneSettings.defaults()))
                .withMessageContaining("layers is 6");
    }
}
