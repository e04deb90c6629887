package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.chat.ScriptedChat;
import io.sliminfer.chat.ThinkingMode;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.client.advisor.MessageChatMemoryAdvisor;
import org.springframework.ai.chat.memory.ChatMemory;
import org.springframework.ai.chat.memory.MessageWindowChatMemory;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.tool.annotation.Tool;

@Timeout(60)
class ThinkingTests {

    private static final String ANSWER = "<think>\nTwo and two.\n</think>\n\nFour.";

    private final ScriptedChat scripted = new ScriptedChat(ScriptedChat.HERMES, false, ThinkingTests::answer);
    private final SlimInferChatModel model =
            SlimInferChatModel.builder().engine(scripted.chat()).build();

    private static String answer(String prompt) {
        if (prompt.contains("\"clock\"") && !prompt.contains("<tool_response>")) {
            return "<think>\nI need the time.\n</think>\n\n<tool_call>\n{\"name\": \"clock\", \"arguments\": {}}\n</tool_call>";
        }
        return ANSWER;
    }

    /** A tool, so that one turn has two rounds. */
    static final class Clock {

        @Tool
        String clock() {
            return "noon";
        }
    }

    @AfterEach
    void close() {
        scripted.close();
    }

    private Prompt question(ThinkingMode mode) {
        return new Prompt(
                "2 + 2?", SlimInferChatOptions.builder().thinking(mode).build());
    }

    @Test
    void callHasItInTheMessagesMetadata() {
        AssistantMessage message = model.call(new Prompt("2 + 2?")).getResult().getOutput();

        assertThat(message.getText()).isEqualTo("Four.");
        assertThat(message.getMetadata()).containsEntry(SlimInferMetadata.THINKING, "Two and two.");
    }

    @Test
    void streamHasPiecesAndAtTheEndTheWhole() {
        List<ChatResponse> chunks =
                model.stream(new Prompt("2 + 2?")).collectList().block();
        List<AssistantMessage> messages =
                chunks.stream().map(chunk -> chunk.getResult().getOutput()).toList();

        assertThat(String.join(
                        "", messages.stream().map(AssistantMessage::getText).toList()))
                .isEqualTo("Four.");
        List<AssistantMessage> thoughts = messages.stream()
                .filter(message -> message.getMetadata().containsKey(SlimInferMetadata.THINKING_DELTA))
                .toList();
        assertThat(thoughts).isNotEmpty().allSatisfy(message -> assertThat(message.getText())
                .isEmpty());
        assertThat(String.join(
                        "",
                        thoughts.stream()
                                .map(message -> message.getMetadata()
                                        .get(SlimInferMetadata.THINKING_DELTA)
                                        .toString())
                                .toList()))
                .isEqualTo("Two and two.");
        assertThat(messages.get(messages.size() - 1).getMetadata())
                .containsEntry(SlimInferMetadata.THINKING, "Two and two.");
        assertThat(messages.indexOf(thoughts.get(0))).isZero();
    }

    @Test
    void isSwitchable() {
        AssistantMessage inline =
                model.call(question(ThinkingMode.INLINE)).getResult().getOutput();
        AssistantMessage discarded =
                model.call(question(ThinkingMode.DISCARD)).getResult().getOutput();

        assertThat(inline.getText()).isEqualTo(ANSWER);
        assertThat(discarded.getText()).isEqualTo("Four.");
        assertThat(List.of(inline, discarded))
                .allSatisfy(message -> assertThat(message.getMetadata()).doesNotContainKey(SlimInferMetadata.THINKING));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void goesBackWithinATurnAndNotInLaterOnes(boolean streaming) {
        ChatClient client = ChatClient.builder(model)
                .defaultAdvisors(MessageChatMemoryAdvisor.builder(
                                MessageWindowChatMemory.builder().build())
                        .build())
                .build();
        for (Object tool : new Object[] {new Clock(), null}) {
            ChatClient.ChatClientRequestSpec request = client.prompt(tool == null ? "And then?" : "What time is it?")
                    .advisors(advisor -> advisor.param(ChatMemory.CONVERSATION_ID, "c"));
            if (tool != null) {
                request = request.tools(tool);
            }
            String text = streaming
                    ? String.join(
                            "",
                            Objects.requireNonNull(
                                    request.stream().content().collectList().block()))
                    : request.call().content();
            assertThat(text).isEqualTo("Four.");
        }

        assertThat(scripted.prompts()).hasSize(3);
        assertThat(scripted.prompts().get(1)).contains("<think>\nI need the time.\n</think>\n\n<tool_call>");
        assertThat(scripted.prompts().get(2)).contains("Four.").doesNotContain("I need the time", "Two and two");
    }
}
