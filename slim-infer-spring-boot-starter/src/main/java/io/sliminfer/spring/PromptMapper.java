package io.sliminfer.spring;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.content.MediaContent;
import org.springframework.util.StringUtils;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Turns Spring AI's messages into the maps that chat templates take, in the names of Hugging Face's templates: {@code role},
 * {@code content}, {@code reasoning_content}, {@code tool_calls}, {@code tool_call_id}, {@code name}. Stateless.
 */
final class PromptMapper {

    private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};

    private PromptMapper() {}

    /**
     * @throws IllegalArgumentException naming the message by its position if there is none, if one has no text, carries media or
     *     is of a type that chat templates do not know
     */
    static List<Map<String, Object>> templateMessages(List<Message> messages) {
        if (messages.isEmpty()) {
            throw new IllegalArgumentException("The prompt is empty: give at least one message.");
        }
        List<Map<String, Object>> mapped = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            Message message = messages.get(i);
            String origin = "Message " + (i + 1) + " of " + messages.size();
            refuseMedia(message, origin);
            if (message.getMessageType() == null) {
                throw unknown(message, origin);
            }
            switch (message.getMessageType()) {
                case SYSTEM, USER -> mapped.add(textMessage(message, origin));
                case ASSISTANT -> mapped.add(assistantMessage(message, origin));
                case TOOL -> mapped.addAll(toolMessages(message, origin));
                default -> throw unknown(message, origin);
            }
        }
        return mapped;
    }

    private static Map<String, Object> textMessage(Message message, String origin) {
        String role = message.getMessageType().getValue();
        String text = message.getText();
        if (text == null) {
            throw new IllegalArgumentException(origin + " (" + role + ") has no text.");
        }
        return message(role, text);
    }

    private static Map<String, Object> assistantMessage(Message message, String origin) {
        if (!(message instanceof AssistantMessage assistant)) {
            return textMessage(message, origin);
        }
        // A turn that only calls tools may have no text.
        Map<String, Object> mapped = assistant.hasToolCalls() && assistant.getText() == null
                ? message("assistant", "")
                : textMessage(message, origin);
        // Templates of thinking models decide of which turns they render it; others do not read it.
        if (assistant.getMetadata().get(SlimInferMetadata.THINKING) instanceof String thinking) {
            mapped.put("reasoning_content", thinking);
        }
        if (assistant.hasToolCalls()) {
            mapped.put(
                    "tool_calls",
                    assistant.getToolCalls().stream()
                            .map(PromptMapper::toolCall)
                            .toList());
        }
        return mapped;
    }

    private static Map<String, Object> toolCall(AssistantMessage.ToolCall call) {
        Map<String, Object> mapped = new LinkedHashMap<>();
        if (StringUtils.hasText(call.id())) {
            mapped.put("id", call.id());
        }
        mapped.put("type", "function");
        mapped.put("function", Map.of("name", call.name(), "arguments", arguments(call.arguments())));
        return mapped;
    }

    /** Templates write arguments with {@code tojson}: an object when the text is one, otherwise the text as the model wrote it. */
    private static Object arguments(String json) {
        if (!StringUtils.hasText(json)) {
            return Map.of();
        }
        try {
            Map<String, Object> object = JsonMapper.shared().readValue(json, OBJECT);
            return object == null ? json : object;
        } catch (JacksonException e) {
            return json;
        }
    }

    private static List<Map<String, Object>> toolMessages(Message message, String origin) {
        if (!(message instanceof ToolResponseMessage toolMessage)) {
            throw unknown(message, origin);
        }
        List<Map<String, Object>> mapped = new ArrayList<>();
        for (ToolResponseMessage.ToolResponse response : toolMessage.getResponses()) {
            Map<String, Object> result = message("tool", response.responseData());
            result.put("name", response.name());
            if (StringUtils.hasText(response.id())) {
                result.put("tool_call_id", response.id());
            }
            mapped.add(result);
        }
        if (mapped.isEmpty()) {
            throw new IllegalArgumentException(origin + " (tool) has no responses.");
        }
        return mapped;
    }

    private static void refuseMedia(Message message, String origin) {
        if (message instanceof MediaContent content && !content.getMedia().isEmpty()) {
            throw new IllegalArgumentException(origin + " carries media ("
                    + content.getMedia().iterator().next().getMimeType()
                    + "): SlimInfer's models read text only. Send the text of the document instead.");
        }
    }

    private static IllegalArgumentException unknown(Message message, String origin) {
        return new IllegalArgumentException(
                origin + " is a " + message.getClass().getName() + " of type "
                        + message.getMessageType()
                        + ": use SystemMessage, UserMessage, AssistantMessage or ToolResponseMessage.");
    }

    private static Map<String, Object> message(String role, String content) {
        Map<String, Object> mapped = new LinkedHashMap<>();
        mapped.put("role", role);
        mapped.put("content", content);
        return mapped;
    }
}
