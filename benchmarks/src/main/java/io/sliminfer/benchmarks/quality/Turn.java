package io.sliminfer.benchmarks.quality;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.SystemMessage;
import org.springframework.ai.chat.messages.UserMessage;

/**
 * One message of a conversation.
 *
 * @param role {@code system}, {@code user} or {@code assistant}
 */
public record Turn(String role, String content) {

    public static final Set<String> ROLES = Set.of("system", "user", "assistant");

    public Turn {
        if (!ROLES.contains(role)) {
            throw new IllegalArgumentException("role \"" + role + "\" is not allowed: use system, user or assistant");
        }
    }

    public static Turn user(String content) {
        return new Turn("user", content);
    }

    public static Turn assistant(String content) {
        return new Turn("assistant", content);
    }

    /** In the shape that chat templates take. */
    Map<String, Object> toTemplate() {
        return Map.of("role", role, "content", content);
    }

    Message toMessage() {
        return switch (role) {
            case "system" -> new SystemMessage(content);
            case "assistant" -> new AssistantMessage(content);
            default -> new UserMessage(content);
        };
    }

    static List<Message> toMessages(List<Turn> turns) {
        return turns.stream().map(Turn::toMessage).toList();
    }
}
