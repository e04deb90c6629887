package io.sliminfer.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.chat.tools.ToolCall;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.Sampling;
import io.sliminfer.text.RenderedPrompt;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ThinkingTests {

    private static final Map<String, Object> TOOL = Map.of("type", "function", "function", Map.of("name", "f"));
    private static final String THOUGHT = "<think>\nThree R, or two?\n\nThree.\n</think>\n\nThree.";

    private static ChatResult answer(String template, String answer, ThinkingMode mode, Map<String, Object> arguments) {
        try (ScriptedChat scripted = new ScriptedChat(template, false, prompt -> answer)) {
            return scripted.chat().generate(request(mode, arguments, 0));
        }
    }

    private static ChatRequest request(ThinkingMode mode, Map<String, Object> arguments, int maxTokens) {
        return new ChatRequest(
                List.of(Map.of("role", "user", "content", "How many R? <think>")),
                List.of(),
                arguments,
                Sampling.GREEDY,
                maxTokens,
                List.of("two"),
                null,
                true,
                mode,
                null);
    }

    @Test
    void isToldApart() {
        ChatResult result = answer(ScriptedChat.HERMES, THOUGHT, ThinkingMode.SEPARATE, Map.of());

        assertThat(result.thinking()).isEqualTo("Three R, or two?\n\nThree.");
        assertThat(result.text()).isEqualTo("Three.");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void mayBeginInThePrompt() {
        ChatResult result = answer(
                ScriptedChat.REASONING, THOUGHT.substring("<think>\n".length()), ThinkingMode.SEPARATE, Map.of());

        assertThat(result.thinking()).isEqualTo("Three R, or two?\n\nThree.");
        assertThat(result.text()).isEqualTo("Three.");
    }

    @Test
    void mayBeDropped() {
        ChatResult result = answer(ScriptedChat.HERMES, THOUGHT, ThinkingMode.DISCARD, Map.of());

        assertThat(result.thinking()).isEmpty();
        assertThat(result.text()).isEqualTo("Three.");
    }

    @Test
    void mayStayInTheText() {
        String thought = THOUGHT.replace("two", "2");
        for (ChatResult result : List.of(
                answer(ScriptedChat.HERMES, thought, ThinkingMode.INLINE, Map.of()),
                answer(
                        ScriptedChat.REASONING,
                        thought.substring("<think>\n".length()),
                        ThinkingMode.INLINE,
                        Map.of()))) {
            assertThat(result.text()).isEqualTo(thought);
            assertThat(result.thinking()).isEmpty();
        }
    }

    @Test
    void anAnswerNeedNotHaveAny() {
        ChatResult result =
                answer(ScriptedChat.HERMES, "\nThree.", ThinkingMode.SEPARATE, Map.of("enable_thinking", false));

        assertThat(result.thinking()).isEmpty();
        assertThat(result.text()).isEqualTo("\nThree.");
        assertThat(answer(ScriptedChat.HERMES, "", ThinkingMode.SEPARATE, Map.of())
                        .text())
                .isEmpty();
    }

    @Test
    void aLaterMarkIsText() {
        ChatResult result =
                answer(ScriptedChat.HERMES, "The mark <think> and </think>.", ThinkingMode.SEPARATE, Map.of());

        assertThat(result.text()).isEqualTo("The mark <think> and </think>.");
        assertThat(result.thinking()).isEmpty();
    }

    @Test
    void mayBeCut() {
        try (ScriptedChat scripted = new ScriptedChat(ScriptedChat.REASONING, true, prompt -> THOUGHT.substring(8))) {
            ChatResult result = scripted.chat().generate(request(ThinkingMode.SEPARATE, Map.of(), 3));

            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(result.text()).isEmpty();
            assertThat(result.thinking()).isNotEmpty().matches("Three R, or two\\?.*|Three.*");
        }
    }

    @Test
    void aModelWhoseTemplateKnowsNoMarksDoesNotThink() {
        ChatResult result = answer(ScriptedChat.LLAMA, THOUGHT.replace("two", "2"), ThinkingMode.SEPARATE, Map.of());

        assertThat(result.text()).isEqualTo(THOUGHT.replace("two", "2"));
        assertThat(result.thinking()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void callsWithinThinkingAreThoughts(boolean special) {
        try (ScriptedChat scripted = new ScriptedChat(
                ScriptedChat.HERMES,
                special,
                prompt ->
                        "<think>\n<tool_call>{}</tool_call>?\n</think>\n\n<tool_call>{\"name\": \"f\"}</tool_call>")) {
            List<String> events = new ArrayList<>();
            ChatRequest request = new ChatRequest(
                    List.of(Map.of("role", "user", "content", "?")),
                    List.of(TOOL),
                    Map.of(),
                    Sampling.GREEDY,
                    0,
                    List.of(),
                    null);
            ChatResult result = scripted.chat()
                    .submit(request, new ChatListener() {
                        @Override
                        public void onText(String text) {
                            events.add("text");
                        }

                        @Override
                        public void onThinking(String text) {
                            assertThat(text).isNotEmpty();
                            events.add("thinking");
                        }

                        @Override
                        public void onToolCall(ToolCall call) {
                            events.add("call");
                        }

                        @Override
                        public void onFinished(ChatResult finished) {}

                        @Override
                        public void onFailed(RuntimeException failure) {}
                    })
                    .join();

            assertThat(result.thinking()).isEqualTo("<tool_call>{}</tool_call>?");
            assertThat(result.toolCalls()).extracting(ToolCall::name).containsExactly("f");
            assertThat(result.text()).isEmpty();
            assertThat(events).startsWith("thinking").endsWith("call").doesNotContain("text");
        }
    }

    @Test
    void onlyTheTemplateOpensTheMark() {
        ThinkingMarks marks = ThinkingMarks.in("</think>").orElseThrow();

        assertThat(marks.areOpenAtEndOf(RenderedPrompt.trusted("a<think>\n"))).isTrue();
        assertThat(marks.areOpenAtEndOf(RenderedPrompt.trusted("<think>\n\n</think>\n\n")))
                .isFalse();
        assertThat(marks.areOpenAtEndOf(RenderedPrompt.untrusted("a<think>"))).isFalse();
        assertThat(marks.areOpenAtEndOf(new RenderedPrompt("a<think>\n", new int[] {0, 1})))
                .isFalse();
        assertThat(marks.areOpenAtEndOf(new RenderedPrompt("a<think>\n", new int[] {0, 7})))
                .isFalse();
        assertThat(marks.areOpenAtEndOf(new RenderedPrompt("a<think>\n", new int[] {1, 8})))
                .isTrue();
    }
}
