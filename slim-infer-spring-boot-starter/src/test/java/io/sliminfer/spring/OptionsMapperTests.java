package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.engine.Sampling;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import io.sliminfer.prune.UnitAggregation;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class OptionsMapperTests {

    private static final PruneSchedule ENGINE = new PruneSchedule(128, 16, 32, 48, PruneSchedule.parseSteps("2:0.5"));

    @Test
    void mapsEverySamplingOption() {
        assertThat(OptionsMapper.sampling(SlimInferChatOptionsTests.full().build()))
                .isEqualTo(new Sampling(0.7, 40, 0.9, 0.05, 1.1, 0.2, 0.3, 42L));
        assertThat(OptionsMapper.sampling(SlimInferChatOptions.builder().build()))
                .isEqualTo(Sampling.GREEDY);
    }

    static Stream<Arguments> badOptions() {
        return Stream.of(
                bad("temperature=NaN", options -> options.temperature(Double.NaN)),
                bad("temperature=-1.0", options -> options.temperature(-1.0)),
                bad("temperature=Infinity", options -> options.temperature(Double.POSITIVE_INFINITY)),
                bad("top-k=-1", options -> options.topK(-1)),
                bad("top-p=NaN", options -> options.topP(Double.NaN)),
                bad("top-p=1.5", options -> options.topP(1.5)),
                bad("min-p=NaN", options -> options.minP(Double.NaN)),
                bad("repetition-penalty=0.0", options -> options.repetitionPenalty(0.0)),
                bad("frequency-penalty=NaN", options -> options.frequencyPenalty(Double.NaN)),
                bad("presence-penalty=-Infinity", options -> options.presencePenalty(Double.NEGATIVE_INFINITY)),
                bad("max-tokens=-5", options -> options.maxTokens(-5)),
                bad("stop-sequences", options -> options.stopSequences(List.of("a", ""))));
    }

    private static Arguments bad(String text, UnaryOperator<SlimInferChatOptions.Builder> set) {
        return Arguments.of(text, set.apply(SlimInferChatOptions.builder()).build());
    }

    @ParameterizedTest
    @MethodSource("badOptions")
    void namesAnOptionThatIsNotAllowedWithItsValue(String text, SlimInferChatOptions options) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OptionsMapper.check(options))
                .withMessageContaining(text)
                .withMessageContaining("allowed");
    }

    @Test
    void leavesPruningToTheEngineIfNothingIsSet() {
        assertThat(schedule(options -> options)).isNull();
    }

    @Test
    void pruningOffIsDenseWhateverElseIsSet() {
        assertThat(schedule(options -> options.pruning(false).pruningSchedule("4:0.5"))
                        .steps())
                .isEmpty();
    }

    @Test
    void pruningOnFollowsTheEngine() {
        assertThat(schedule(options -> options.pruning(true))).isEqualTo(ENGINE);
    }

    @Test
    void aScheduleTakesTheEnginesSizesWhereItHasNone() {
        assertThat(schedule(options -> options.pruningSchedule("4:0.5,8:2048").pruningBlock(32)))
                .isEqualTo(new PruneSchedule(32, 16, 32, 48, PruneSchedule.parseSteps("4:0.5,8:2048")));
        assertThat(schedule(options ->
                        options.pruningBlock(8).pruningUnit(4).pruningWindow(2).pruningSink(0)))
                .isEqualTo(new PruneSchedule(8, 4, 2, 0, ENGINE.steps()));
    }

    @Test
    void anAggregationAloneKeepsTheEnginesSchedule() {
        assertThat(schedule(options -> options.pruningAggregation(UnitAggregation.SUM)))
                .isEqualTo(new PruneSchedule(128, 16, 32, 48, UnitAggregation.SUM, ENGINE.steps()));
    }

    @Test
    void aScheduleMayHaveDecodeBudgets() {
        PruneStep step = new PruneStep(5, new Budget.Share(0.25), new Budget.Tokens(1024));
        assertThat(schedule(options -> options.pruningSchedule("5:0.25/1024")).steps())
                .containsExactly(step);
        assertThat(schedule(options -> options.pruningSchedule(List.of(step))).steps())
                .containsExactly(step);
    }

    @Test
    void aScheduleMayHaveMasses() {
        String text = "5:p0.9:0.125-2048/1024,7:0.1";
        assertThat(schedule(options -> options.pruningSchedule(text)))
                .isEqualTo(ENGINE.withSteps(PruneSchedule.parseSteps(text)));
    }

    @Test
    void anEmptyScheduleIsDense() {
        assertThat(schedule(options -> options.pruningSchedule("")).steps()).isEmpty();
    }

    @Test
    void pruningOnWithoutAScheduleIsRefused() {
        SlimInferChatOptions options =
                SlimInferChatOptions.builder().pruning(true).build();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> OptionsMapper.schedule(options, PruneSchedule.dense()))
                .withMessageContaining("Give pruning-schedule as well");
    }

    @Test
    void anInvalidScheduleIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> schedule(options -> options.pruningSchedule("4-0.5")))
                .withMessageContaining("'4-0.5' is not LAYER:BUDGET");
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        schedule(options -> options.pruningSchedule("4:0.5").pruningBlock(0)))
                .withMessageContaining("pruning block of 0 tokens");
    }

    private static PruneSchedule schedule(UnaryOperator<SlimInferChatOptions.Builder> set) {
        return OptionsMapper.schedule(set.apply(SlimInferChatOptions.builder()).build(), ENGINE);
    }
}
