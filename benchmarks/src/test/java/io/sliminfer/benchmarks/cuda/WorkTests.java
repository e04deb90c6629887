package io.sliminfer.benchmarks.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.benchmarks.models.RandomModel;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class WorkTests {

    private static final int PROMPT = 65_536;

    private static GenerationReport.Stage stage(int firstLayer, int lastLayer, int activeTokens) {
        return new GenerationReport.Stage(
                firstLayer, lastLayer, PROMPT, List.of(), new GenerationReport.Decode(activeTokens, 0));
    }

    @Test
    void decodeReadsEveryMatrixOnceAndTheActiveTokens() {
        try (ModelFolder folder = RandomModel.open("llama-3.1-8b")) {
            ModelConfig model = folder.config();
            List<GenerationReport.Stage> dense = List.of(stage(0, 31, PROMPT));
            // 8.03 billion parameters but the embedding table (0.525), of 2 bytes; 131,072 bytes a token in all layers.
            double weights = (folder.parameters() - 128_256.0 * 4096) * 2;

            double read = Work.weightBytes(model, DType.BF16);
            assertThat(Work.decodeBytes(model, read, dense, DType.BF16, 0))
                    .isCloseTo(weights + PROMPT * 131_072.0, Percentage.withPercentage(0.01));
            assertThat(Work.decodeBytes(model, read, dense, DType.BF16, 100)
                            - Work.decodeBytes(model, read, dense, DType.BF16, 0))
                    .isEqualTo(100 * 131_072.0);
        }
    }

    @Test
    void tokensThatAreNotActiveAreNotRead() {
        try (ModelFolder folder = RandomModel.open("llama-3.1-8b")) {
            ModelConfig model = folder.config();
            List<GenerationReport.Stage> dense = List.of(stage(0, 31, PROMPT));
            List<GenerationReport.Stage> budget = List.of(stage(0, 9, PROMPT), stage(10, 31, 2048));

            assertThat(Work.decodeBytes(model, 0, dense, DType.BF16, 0)
                            - Work.decodeBytes(model, 0, budget, DType.BF16, 0))
                    .isEqualTo((PROMPT - 2048) * 4096.0 * 22);
        }
    }
}
