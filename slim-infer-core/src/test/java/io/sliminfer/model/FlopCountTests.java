package io.sliminfer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.HookedBackend;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.OpFlops;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.cpu.JavaBackendProvider;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The formula against the operations that a prefill really runs, each multiply-add counted on its own. */
class FlopCountTests {

    private static final int SLOT_BLOCK = 16;

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    /** Adds up the operations of a pass. */
    private static final class Counter implements HookedBackend.Hook {
        private double flops;

        @Override
        public void before(String op, Object[] arguments) {
            flops += OpFlops.of(op, arguments);
        }
    }

    private static double counted(PruneSchedule schedule, int promptTokens, int tile) {
        Counter counter = new Counter();
        try (ModelFolder model = ModelFolder.open(folder);
                Backend backend =
                        new HookedBackend(new JavaBackendProvider().open(new BackendSettings(DType.F32, 1)), counter)) {
            ModelConfig config = model.config();
            ModelWeights weights = ModelWeights.load(backend, model, promptTokens, layers -> {});
            Workspace space = new Workspace(backend, config, promptTokens, 1, tile);
            Transformer transformer = new Transformer(backend, config, weights, space);
            int slots = (promptTokens - 1) / SLOT_BLOCK + 1;
            KvPool pool = backend.allocateKv(
                    slots * config.layers(), SLOT_BLOCK, config.kvHeads(), config.headDim(), KvType.F32);
            int[][] tables = new int[config.layers()][slots];
            for (int i = 0; i < slots * config.layers(); i++) {
                tables[i / slots][i % slots] = i;
            }
            PrunePlan plan = PrunePlan.of(schedule, promptTokens, config.layers());
            int[] positions = new int[promptTokens];
            for (int i = 0; i < promptTokens; i++) {
                positions[i] = i;
            }
            backend.ops().write(space.ids(), SmallModels.prompt(1, promptTokens, config.vocabulary()), promptTokens);
            backend.ops().write(space.prompt().positions(), positions, promptTokens);
            transformer.embed(
                    space.prompt().x().rows(0, promptTokens), space.ids().rows(0, promptTokens));
            PromptRows rows = new PromptRows(plan, pool, new FixedTables(tables), space.prompt(), tile, null);
            for (int layer = 0; layer < config.layers(); layer++) {
                transformer.layer(layer, rows);
            }
            Tensor logits = backend.allocate("logits", DType.F32, 1, config.vocabulary());
            transformer.logits(logits, rows.x().rows(rows.count() - 1, rows.count()));
        }
        return counter.flops;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "dense",
            value = {
                "dense | 1",
                "dense | 200",
                "2:0.5 | 200",
                "0:0.25,3:0.125 | 333",
                "1:100,2:64,4:32 | 250",
                // A decision in the last layer: its attention runs for all, its MLP for those that stay.
                "3:0.5,5:0.25 | 200",
                // A budget that keeps all, also in the last layer.
                "2:1.0 | 90",
                "5:1.0 | 90"
            })
    void countsWhatAPrefillRuns(String steps, int promptTokens) {
        PruneSchedule schedule = new PruneSchedule(16, 4, 20, 10, PruneSchedule.parseSteps(steps == null ? "" : steps));
        ModelConfig config = SmallModels.llama().model();
        PrunePlan plan = PrunePlan.of(schedule, promptTokens, config.layers());

        for (int tile : new int[] {7, 64, 1000}) {
            assertThat(FlopCount.prefill(config, plan))
                    .as("tiles of %d rows", tile)
                    .isEqualTo(counted(schedule, promptTokens, tile));
        }
    }

    @Test
    void whatIsSavedIsAShareOfDensePrefill() {
        ModelConfig config = SmallModels.llama().model();
        PruneSchedule schedule = new PruneSchedule(16, 4, 20, 10, PruneSchedule.parseSteps("2:0.25"));

        assertThat(FlopCount.saved(config, PrunePlan.of(schedule, 333, config.layers())))
                .isCloseTo(1 - counted(schedule, 333, 64) / counted(schedule.withoutSteps(), 333, 64), within(1e-12))
                .isBetween(0.2, 0.6);
        assertThat(FlopCount.saved(config, PrunePlan.of(schedule.withoutSteps(), 333, config.layers())))
                .isZero();
    }
}
