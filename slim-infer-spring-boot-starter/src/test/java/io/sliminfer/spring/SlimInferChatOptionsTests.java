package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.chat.ThinkingMode;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.UnitAggregation;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import org.springframework.ai.test.options.AbstractChatOptionsTests;

class SlimInferChatOptionsTests extends AbstractChatOptionsTests<SlimInferChatOptions, SlimInferChatOptions.Builder> {

    @Override
    protected Class<SlimInferChatOptions> getConcreteOptionsClass() {
        return SlimInferChatOptions.class;
    }

    @Override
    protected SlimInferChatOptions.Builder readyToBuildBuilder() {
        return full();
    }

    static SlimInferChatOptions.Builder full() {
        return SlimInferChatOptions.builder()
                .model(FakeChatEngine.MODEL)
                .temperature(0.7)
                .topK(40)
                .topP(0.9)
                .minP(0.05)
                .repetitionPenalty(1.1)
                .frequencyPenalty(0.2)
                .presencePenalty(0.3)
                .seed(42L)
                .maxTokens(100)
                .timeout(Duration.ofSeconds(90))
                .stopSequences(List.of("END"))
                .thinking(ThinkingMode.INLINE)
                .responseFormat(ResponseFormatMode.JSON_OBJECT)
                .outputSchema("{\"type\":\"object\"}")
                .pruning(true)
                .pruningSchedule("4:0.5")
                .pruningBlock(32)
                .pruningUnit(4)
                .pruningWindow(16)
                .pruningSink(8)
                .pruningAggregation(UnitAggregation.SUM)
                .prefixReuse(false)
                .includePromptBlocks(true)
                .toolContext(Map.of("user", "u1"))
                .templateArgument("enable_thinking", false);
    }

    @Test
    void mutateAndCopyKeepEveryOption() throws ReflectiveOperationException {
        SlimInferChatOptions options = full().build();

        for (SlimInferChatOptions copy :
                List.of(options.mutate().build(), options.copy(), full().clone().build())) {
            assertThat(copy).isEqualTo(options).hasSameHashCodeAs(options).isNotSameAs(options);
            for (Method getter : getters()) {
                assertThat(getter.invoke(copy)).as(getter.getName()).isEqualTo(getter.invoke(options));
            }
        }
    }

    @Test
    void runtimeOptionsWinAndTheOthersStay() throws ReflectiveOperationException {
        SlimInferChatOptions defaults = full().build();

        assertThat(defaults.mutate().combineWith(SlimInferChatOptions.builder()).build())
                .isEqualTo(defaults);
        assertThat(SlimInferChatOptions.builder().combineWith(full()).build()).isEqualTo(defaults);

        SlimInferChatOptions merged = defaults.mutate()
                .combineWith(SlimInferChatOptions.builder()
                        .seed(7L)
                        .topK(1)
                        .pruning(false)
                        .stopSequences(List.of("STOP"))
                        .templateArgument("depth", 2))
                .build();

        assertThat(merged.getSeed()).isEqualTo(7);
        assertThat(merged.getTopK()).isEqualTo(1);
        assertThat(merged.getPruning()).isFalse();
        assertThat(merged.getMinP()).isEqualTo(0.05);
        assertThat(merged.getStopSequences()).containsExactly("END", "STOP");
        assertThat(merged.getTemplateArguments())
                .containsEntry("enable_thinking", false)
                .containsEntry("depth", 2);
    }

    @Test
    void anUnsetOptionIsNull() throws ReflectiveOperationException {
        SlimInferChatOptions options = SlimInferChatOptions.builder().build();

        for (Method getter : getters()) {
            Object value = getter.invoke(options);
            assertThat(value == null || value.equals(Map.of()))
                    .as(getter.getName())
                    .isTrue();
        }
    }

    @Test
    void everyOwnOptionMakesADifferenceToEquality() {
        SlimInferChatOptions options = full().build();

        assertThat(List.of(
                        full().minP(0.1).build(),
                        full().repetitionPenalty(1.2).build(),
                        full().seed(1L).build(),
                        full().thinking(ThinkingMode.DISCARD).build(),
                        full().pruning(null).build(),
                        full().pruningSchedule("5:0.5").build(),
                        full().timeout(Duration.ofSeconds(91)).build(),
                        full().pruningBlock(16).build(),
                        full().pruningUnit(2).build(),
                        full().pruningWindow(8).build(),
                        full().pruningSink(4).build(),
                        full().pruningAggregation(UnitAggregation.MEAN).build(),
                        full().templateArgument("enable_thinking", true).build()))
                .doesNotContain(options)
                .doesNotHaveDuplicates();
    }

    @Test
    void aScheduleMayBeGivenAsSteps() {
        SlimInferChatOptions options = SlimInferChatOptions.builder()
                .pruningSchedule(PruneSchedule.parseSteps("4:0.5,8:2048"))
                .build();

        assertThat(options.getPruningSchedule()).isEqualTo("4:0.5,8:2048");
        assertThat(SlimInferChatOptions.builder()
                        .pruningSchedule(PruneSchedule.parseSteps("4:p0.9:0.125-0.5/64"))
                        .build()
                        .getPruningSchedule())
                .isEqualTo("4:p0.9:0.125-0.5/64");
    }

    @Test
    void otherKindsOfOptionsGiveWhatIsPortable() {
        ChatOptions portable =
                ChatOptions.builder().temperature(0.1).topK(3).maxTokens(9).build();
        ChatOptions tools = ToolCallingChatOptions.builder()
                .toolContext("user", "u2")
                .temperature(0.4)
                .build();

        assertThat(SlimInferChatOptions.from(portable).build())
                .isEqualTo(SlimInferChatOptions.builder()
                        .temperature(0.1)
                        .topK(3)
                        .maxTokens(9)
                        .build());
        assertThat(SlimInferChatOptions.from(tools).build().getToolContext()).containsEntry("user", "u2");
        assertThat(full().combineWith(ChatOptions.builder().temperature(0.1))
                        .build()
                        .getTemperature())
                .isEqualTo(0.1);
    }

    @Test
    void itsTextNamesWhatIsSet() {
        assertThat(SlimInferChatOptions.builder().topP(0.5).seed(3L).build())
                .hasToString("SlimInferChatOptions{seed=3, top-p=0.5}");
    }

    static List<Method> getters() {
        return Arrays.stream(SlimInferChatOptions.class.getMethods())
                .filter(method -> method.getName().startsWith("get") && method.getParameterCount() == 0)
                .filter(method -> method.getDeclaringClass() != Object.class)
                .toList();
    }
}
