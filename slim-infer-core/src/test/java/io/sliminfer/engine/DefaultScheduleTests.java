package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DefaultScheduleTests {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"4 | 1:0.1875", "12 | 4:0.1875", "16 | 5:0.1875", "28 | 8:0.1875", "32 | 9:0.1875"})
    void prunesAfterAThirdAndAfterTwoThirds(int layers, String steps) {
        assertThat(DefaultSchedule.of(layers).steps()).isEqualTo(PruneSchedule.parseSteps(steps));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void leavesShallowModelsDense(int layers) {
        assertThat(DefaultSchedule.of(layers)).isEqualTo(PruneSchedule.dense());
    }

    @Test
    void fitsModelsOfEveryDepth() {
        for (int layers = 1; layers <= 200; layers++) {
            PrunePlan plan = PrunePlan.of(DefaultSchedule.of(layers), 100_000, layers);
            assertThat(plan.prunes()).as("%d layers", layers).isEqualTo(layers >= 4);
        }
    }

    @Test
    void keepsTheSizesThatAreConfigured() {
        PruneSchedule sizes = new PruneSchedule(32, 4, 100, 7, PruneSchedule.parseSteps("2:0.5"));

        PruneSchedule schedule = DefaultSchedule.of(12, sizes);

        assertThat(schedule).isEqualTo(new PruneSchedule(32, 4, 100, 7, PruneSchedule.parseSteps("4:0.1875")));
        assertThat(DefaultSchedule.of(2, sizes)).isEqualTo(sizes.withoutSteps());
    }

    @Test
    void savesAboutHalfOfALongPrompt() {
        ModelConfig llama8b = new ModelFolderWriter("llama")
                .config("vocab_size", "128256")
                .config("hidden_size", "4096")
                .config("intermediate_size", "14336")
                .config("num_hidden_layers", "32")
                .config("num_attention_heads", "32")
                .config("num_key_value_heads", "8")
                .config("head_dim", "128")
                .config("max_position_embeddings", "131072")
                .model();
        for (int promptTokens : new int[] {4096, 32_768, 131_071}) {
            PrunePlan plan = PrunePlan.of(DefaultSchedule.of(32), promptTokens, 32);
            assertThat(FlopCount.saved(llama8b, plan))
                    .as("%d tokens", promptTokens)
                    .isBetween(0.45, 0.65);
        }
    }

    @Test
    void shortPromptsStayDense() {
        PruneDefaults defaults = new PruneDefaults(DefaultSchedule.of(12), PruneDefaults.MIN_PROMPT_TOKENS_DEFAULT);

        assertThat(defaults.scheduleFor(2047)).isEqualTo(PruneSchedule.dense());
        assertThat(defaults.scheduleFor(2048)).isEqualTo(DefaultSchedule.of(12));
    }
}
