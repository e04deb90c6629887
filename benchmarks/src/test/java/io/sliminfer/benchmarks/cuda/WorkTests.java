package io.sliminfer.benchmarks.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.benchmarks.models.RandomModel;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class WorkTests {

    private static final int PROMPT = 65_536;

    @Test
    void decodeReadsEveryMatrixOnceAndTheActiveTokens() {
        try (ModelFolder folder = RandomModel.open("llama-3.1-8b")) {
            ModelConfig model = folder.config();
            PrunePlan dense = PrunePlan.of(PruneSchedule.dense(), PROMPT, model.layers());
            // 8.03 billion parameters but the embedding table (0.525), of 2 bytes; 131,072 bytes a token in all layers.
            double weights = (folder.parameters() - 128_256.0 * 4096) * 2;

            assertThat(Work.decodeBytes(model, dense, DType.BF16, 0))
                    .isCloseTo(weights + PROMPT * 131_072.0, Percentage.withPercentage(0.01));
            assertThat(Work.decodeBytes(model, dense, DType.BF16, 100) - Work.decodeBytes(model, dense, DType.BF16, 0))
                    .isEqualTo(100 * 131_072.0);
        }
    }

    @Test
    void prunedTokensAreNotRead() {
        try (ModelFolder folder = RandomModel.open("llama-3.1-8b")) {
            ModelConfig model = folder.config();
            PrunePlan pruned = PrunePlan.of(
                    PruneSchedule.dense().withSteps(PruneSchedule.parseSteps("10:0.25,21:0.125")),
                    PROMPT,
                    model.layers());
            PrunePlan dense = PrunePlan.of(PruneSchedule.dense(), PROMPT, model.layers());

            // Layers 0 to 10 whole, 11 to 21 a quarter, 22 to 31 an eighth: 17 of 32 layers' tokens are gone.
            assertThat(Work.decodeBytes(model, dense, DType.BF16, 0) - Work.decodeBytes(model, pruned, DType.BF16, 0))
                    .isCloseTo(PROMPT * 4096.0 * 17, Percentage.withPercentage(0.01));
        }
    }
}
