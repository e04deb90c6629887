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
    @ValueSource(
            strings = {
                "4",
                "4:0.5:3",
                "x:0.5",
                "4:0.5,",
                ",4:0.5",
                "4:0.5,,8:0.25",
                "4.0:0.5",
                "4:0.5/8/2",
                "4/8:0.5",
                "p0.9:0.1-0.5",
                "4:p0.9:0.1-0.5:3",
                "4:p0.9:0.1:0.5",
                "4/8"
            })
    void anUnreadableStepNamesTheForm(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps(text))
                .withMessageStartingWith("pruning schedule '" + text + "': '")
                .withMessageEndingWith(
                        "is not LAYER:BUDGET or LAYER:BUDGET/DECODE, for example 4:0.5 (half of the prompt), 8:2048 (tokens),"
                                + " 8:p0.9:0.1-0.5 (blocks with 0.9 of the score) or 8:2048/512 (decode attends to 512 of"
                                + " them)");
    }

    @Test
    void readsAndWritesDecodeBudgets() {
        String text = "5:0.25/1024,10:0.125/0.05,11:64";
        PruneSchedule schedule = schedule(64, 8, 64, 64, text);
        assertThat(schedule.steps())
                .containsExactly(
                        new PruneStep(5, new Budget.Share(0.25), new Budget.Tokens(1024)),
                        new PruneStep(10, new Budget.Share(0.125), new Budget.Share(0.05)),
                        new PruneStep(11, new Budget.Tokens(64), null));
        assertThat(schedule.stepsText()).isEqualTo(text);
        assertThat(schedule.hasDecodeBudgets()).isTrue();
        assertThat(schedule(64, 8, 64, 64, "5:0.25").hasDecodeBudgets()).isFalse();
        assertThat(PruneSchedule.parseSteps("5 : 0.25 / 64"))
                .containsExactly(new PruneStep(5, new Budget.Share(0.25), new Budget.Tokens(64)));
    }

    @Test
    void readsAndWritesMassBudgets() {
        String text = "4:p0.9:0.125-0.5,8:p0.75:64-2048/512,10:0.0625";
        PruneSchedule schedule = schedule(64, 8, 64, 64, text);
        assertThat(schedule.steps())
                .containsExactly(
                        new PruneStep(4, new Budget.Mass(0.9, new Budget.Share(0.125), new Budget.Share(0.5))),
                        new PruneStep(
                                8,
                                new Budget.Mass(0.75, new Budget.Tokens(64), new Budget.Tokens(2048)),
                                new Budget.Tokens(512)),
                        new PruneStep(10, new Budget.Share(0.0625)));
        assertThat(schedule.stepsText()).isEqualTo(text);
        assertThat(PruneSchedule.parseSteps(" 4 : p0.9 : 0.125 - 0.5 / 64 "))
                .containsExactly(new PruneStep(
                        4,
                        new Budget.Mass(0.9, new Budget.Share(0.125), new Budget.Share(0.5)),
                        new Budget.Tokens(64)));
        assertThat(schedule.isAdaptive()).isTrue();
        assertThat(schedule(64, 8, 64, 64, "4:0.5/0.1").isAdaptive()).isFalse();
    }

    @Test
    void aMassThatCannotBeReadNamesTheSchedule() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps("4:p0.9,8:0.25"))
                .withMessageStartingWith(
                        "pruning schedule '4:p0.9,8:0.25': pruning budget 'p0.9' is no mass with floor");
    }

    @Test
    void aDecodeBudgetIsFixed() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps("4:0.5/p0.9:0.1-0.2"))
                .withMessage("pruning schedule '4:0.5/p0.9:0.1-0.2': decode budget of layer 4: pruning budget"
                        + " 'p0.9:0.1-0.2' is neither a number of tokens such as 2048 nor a share of the prompt such as"
                        + " 0.25");
    }

    @Test
    void aBadDecodeBudgetNamesItsLayer() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps("4:0.5,8:0.25/"))
                .withMessage(
                        "pruning schedule '4:0.5,8:0.25/': decode budget of layer 8: pruning budget '' is neither a"
                                + " number of tokens such as 2048 nor a share of the prompt such as 0.25");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps("4:0.5/0"))
                .withMessage("pruning schedule '4:0.5/0': decode budget of layer 4: a pruning budget of 0 tokens is not"
                        + " allowed: use 1 or more");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PruneSchedule.parseSteps("4:0.5/1.5"))
                .withMessageContaining("decode budget of layer 4: a pruning budget of 1.5 of the prompt");
    }

    @Test
    void aDecodeBudgetAfterTheLastLayerIsRefused() {
        schedule(64, 8, 64, 64, "4:0.5/64,11:0.25").requireLayers(12);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(64, 8, 64, 64, "4:0.5,11:0.25/64").requireLayers(12))
                .withMessage(
                        "pruning schedule 4:0.5,11:0.25/64: layer 11 is this model's last, so no layer can follow its"
                                + " decode budget 64; leave that budget out, or use a layer of 0..10");
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

    @Test
    void saysWhichBlocksOfAPromptAlwaysStay() {
        PruneSchedule schedule = new PruneSchedule(64, 8, 64, 100, List.of());

        assertThat(schedule.sinkBlocks(8_193)).isEqualTo(2);
        assertThat(schedule.firstWindowBlock(8_192))
                .as("a window of a whole block")
                .isEqualTo(127);
        assertThat(schedule.firstWindowBlock(8_193))
                .as("a window over two blocks")
                .isEqualTo(127);
        assertThat(schedule.firstWindowBlock(10))
                .as("a prompt shorter than the window")
                .isZero();
        assertThat(schedule.sinkBlocks(10))
                .as("the window's blocks are not the sink's")
                .isZero();
    }
}
