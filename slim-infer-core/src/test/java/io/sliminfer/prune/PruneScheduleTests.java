package io.sliminfer.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PruneScheduleTests {

    @Test
    void readsLayersWithTokensAndShares() {
        assertThat(PruneSchedule.parseSteps(" 4:0.5, 8 : 2048 "))
                .containsExactly(new PruneStep(4, new Budget.Share(0.5)), new PruneStep(8, new Budget.Tokens(2048)));
        assertThat(PruneSchedule.parseSteps("  ")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"4", "4:0.5:3", "x:0.5", "4:0.5,", ",4:0.5", "4:0.5,,8:0.25", "4.0:0.5"})
    void anUnreadableStepNamesTheForm(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps(text))
                .withMessageStartingWith("pruning schedule '" + text + "': '")
                .withMessageEndingWith(
                        "is not LAYER:BUDGET, for example 4:0.5 (half of the prompt) or 8:2048 (tokens)");
    }

    @Test
    void aBadBudgetOrLayerNamesTheSchedule() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps("4:0.5,8:lots"))
                .withMessage(
                        "pruning schedule '4:0.5,8:lots': pruning budget 'lots' is neither a number of tokens such as"
                                + " 2048 nor a share of the prompt such as 0.25");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps("-1:0.5"))
                .withMessage("pruning schedule '-1:0.5': pruning layer -1 is not allowed: layers count from 0");
    }

    @Test
    void layersMustRise() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(64, 8, 64, 64, "8:0.5,4:0.25"))
                .withMessage("pruning schedule 8:0.5,4:0.25: layers must rise, but layer 4 follows layer 8");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(64, 8, 64, 64, "4:0.5,4:0.25"))
                .withMessageContaining("layer 4 follows layer 4");
    }

    @Test
    void sizesHaveRanges() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(0, 1, 64, 64, ""))
                .withMessage("pruning block of 0 tokens is not allowed: use 1..1024");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(64, 65, 64, 64, ""))
                .withMessage("pruning unit of 65 tokens is not allowed: use 1..64");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(64, 8, 0, 64, ""))
                .withMessage("pruning window of 0 tokens is not allowed: use 1..1024");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(64, 8, 64, -1, ""))
                .withMessage("pruning sink of -1 tokens is not allowed: use 0 or more");
    }

    @Test
    void aLayerThatTheModelLacksIsRefused() {
        PruneSchedule schedule = schedule(64, 8, 64, 64, "4:0.5,12:0.25");
        schedule.requireLayers(13);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule.requireLayers(12))
                .withMessage("pruning schedule 4:0.5,12:0.25: there is no layer 12; this model has layers 0..11");
    }

    @Test
    void withoutStepsKeepsTheSizes() {
        PruneSchedule schedule = schedule(32, 4, 16, 8, "4:0.5");
        assertThat(schedule.withoutSteps()).isEqualTo(new PruneSchedule(32, 4, 16, 8, List.of()));
        assertThat(PruneSchedule.dense().withoutSteps()).isEqualTo(PruneSchedule.dense());
    }

    private static PruneSchedule schedule(int block, int unit, int window, int sink, String steps) {
        return new PruneSchedule(block, unit, window, sink, PruneSchedule.parseSteps(steps));
    }
}
