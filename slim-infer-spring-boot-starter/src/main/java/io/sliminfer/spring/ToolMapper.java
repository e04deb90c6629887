package io.sliminfer.spring;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.definition.ToolDefinition;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Turns the definitions of a request's tools into what chat templates take: {@code type} and {@code function} with {@code name},
 * {@code description} and {@code parameters}, a JSON schema as maps. Nothing is added. Stateless.
 */
final class ToolMapper {

    private static final TypeReference<LinkedHashMap<String, Object>> OBJECT = new TypeReference<>() {};

    private ToolMapper() {}

    /**
     * @throws IllegalStateException if two tools have the same name
     * @throws IllegalArgumentException if a tool's schema is not a JSON object, naming the tool
     */
    static List<Map<String, Object>> templateTools(@Nullable List<ToolCallback> callbacks) {
        if (callbacks == null || callbacks.isEmpty()) {
            return List.of();
        }
        ToolCallingChatOptions.validateToolCallbacks(callbacks);
        List<Map<String, Object>> tools = new ArrayList<>();
        for (ToolCallback callback : callbacks) {
            ToolDefinition definition = callback.getToolDefinition();
            Map<String, Object> function = new LinkedHashMap<>();
            function.put("name", definition.name());
            function.put("description", definition.description());
            function.put("parameters", schema(definition));
            Map<String, Object> tool = new LinkedHashMap<>();
            tool.put("type", "function");
            tool.put("function", function);
            tools.add(tool);
        }
        return tools;
    }

    private static Map<String, Object> schema(ToolDefinition definition) {
        try {
            Map<String, Object> schema = JsonMapper.shared().readValue(definition.inputSchema(), OBJECT);
            if (schema != null) {
                return schema;
            }
        } catch (JacksonException e) {
            throw notAnObject(definition, e);
        }
        throw notAnObject(definition, null);
    }

    private static IllegalArgumentException notAnObject(ToolDefinition definition, @Nullable Exception cause) {
        return new IllegalArgumentException(
                "The input schema of tool '" + definition.name() + "' is not a JSON object: a JSON schema such as"
                        + " {\"type\": \"object\", \"properties\": {}} is expected.",
                cause);
    }
}
