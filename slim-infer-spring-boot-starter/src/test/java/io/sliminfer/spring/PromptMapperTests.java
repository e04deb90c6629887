package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.MessageType;
import org.springframework.ai.chat.messages.SystemMessage;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.content.Media;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.util.MimeTypeUtils;

class PromptMapperTests {

    @Test
    void mapsAConversation() {
        assertThat(PromptMapper.templateMessages(List.of(
                        new SystemMessage("Be brief."),
                        new UserMessage("Hi"),
                        new AssistantMessage("Hello"),
                        new UserMessage(""))))
                .containsExactly(
                        Map.of("role", "system", "content", "Be brief."),
                        Map.of("role", "user", "content", "Hi"),
                        Map.of("role", "assistant", "content", "Hello"),
                        Map.of("role", "user", "content", ""));
    }

    @Test
    void mapsToolCallsAndTheirResults() {
        AssistantMessage calls = AssistantMessage.builder()
                .toolCalls(List.of(
                        new AssistantMessage.ToolCall(
                                "c1", "function", "weather", "{\"city\":\"Bern\",\"days\":[1,2]}"),
                        new AssistantMessage.ToolCall("", "function", "time", ""),
                        new AssistantMessage.ToolCall("c3", "function", "odd", "not json")))
                .build();
        ToolResponseMessage results = ToolResponseMessage.builder()
                .responses(List.of(
                        new ToolResponseMessage.ToolResponse("c1", "weather", "sunny"),
                        new ToolResponseMessage.ToolResponse("", "time", "12:00")))
                .build();

        assertThat(PromptMapper.templateMessages(List.of(calls, results)))
                .containsExactly(
                        Map.of(
                                "role",
                                "assistant",
                                "content",
                                "",
                                "tool_calls",
                                List.of(
                                        call(Map.of("city", "Bern", "days", List.of(1, 2)), "weather", "c1"),
                                        Map.of(
                                                "type",
                                                "function",
                                                "function",
                                                Map.of("name", "time", "arguments", Map.of())),
                                        call("not json", "odd", "c3"))),
                        Map.of("role", "tool", "content", "sunny", "name", "weather", "tool_call_id", "c1"),
                        Map.of("role", "tool", "content", "12:00", "name", "time"));
    }

    @Test
    void mapsWhatAModelThought() {
        AssistantMessage thought = AssistantMessage.builder()
                .content("Three.")
                .properties(Map.of(SlimInferMetadata.THINKING, "R, R, R."))
                .build();
        AssistantMessage flag = AssistantMessage.builder()
                .content("Three.")
                .properties(Map.of(SlimInferMetadata.THINKING, true)) // as another provider marks it
                .build();

        assertThat(PromptMapper.templateMessages(List.of(thought, flag)))
                .containsExactly(
                        Map.of("role", "assistant", "content", "Three.", "reasoning_content", "R, R, R."),
                        Map.of("role", "assistant", "content", "Three."));
    }

    private static Map<String, Object> call(Object arguments, String name, String id) {
        return Map.of("id", id, "type", "function", "function", Map.of("name", name, "arguments", arguments));
    }

    @Test
    void refusesAnEmptyPrompt() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PromptMapper.templateMessages(List.of()))
                .withMessageContaining("prompt is empty");
    }

    @Test
    void refusesMedia() {
        UserMessage picture = UserMessage.builder()
                .text("What is this?")
                .media(new Media(MimeTypeUtils.IMAGE_PNG, new ByteArrayResource(new byte[] {1})))
                .build();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> PromptMapper.templateMessages(List.of(new SystemMessage("x"), picture)))
                .withMessageContaining("Message 2 of 2 carries media (image/png)")
                .withMessageContaining("text only");
    }

    @Test
    void refusesAMessageWithoutText() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PromptMapper.templateMessages(List.of(new AssistantMessage(null))))
                .withMessageContaining("Message 1 of 1 (assistant) has no text");
    }

    @Test
    void refusesMessagesOfUnknownTypes() {
        for (MessageType type : new MessageType[] {null, MessageType.TOOL}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> PromptMapper.templateMessages(List.of(new OddMessage(type))))
                    .withMessageContaining("OddMessage of type " + type)
                    .withMessageContaining("use SystemMessage");
        }
    }

    @Test
    void refusesToolResultsWithoutAny() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PromptMapper.templateMessages(
                        List.of(ToolResponseMessage.builder().build())))
                .withMessageContaining("has no responses");
    }

    private record OddMessage(MessageType type) implements Message {
        @Override
        public MessageType getMessageType() {
            return type;
        }

        @Override
        public String getText() {
            return "text";
        }

        @Override
        public Map<String, Object> getMetadata() {
            return Map.of();
        }
    }
}
