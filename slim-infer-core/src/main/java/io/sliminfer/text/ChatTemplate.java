package io.sliminfer.text;

import io.sliminfer.text.jinja.Template;
import io.sliminfer.text.jinja.TemplateException;
import io.sliminfer.text.jinja.TemplateRefusal;
import io.sliminfer.text.jinja.Text;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model's chat template: conversations to prompt text, as transformers' {@code apply_chat_template} renders them. Thread-safe.
 */
public final class ChatTemplate {

    /**
     * Roles whose names count as the template author's: templates such as {@code '<|' + message.role + '|>'} build control tokens
     * from them, and a fixed set of words cannot carry anything else.
     */
    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function", "ipython", "model");

    private static final Set<String> OWN_VARIABLES = Set.of("messages", "tools");

    private final String source;
    private final Template template;
    private final Map<String, String> specialTokens;
    private final Clock clock;

    private ChatTemplate(String source, Template template, Map<String, String> specialTokens, Clock clock) {
        this.source = source;
        this.template = template;
        this.specialTokens = Map.copyOf(specialTokens);
        this.clock = clock;
    }

    /**
     * @param source        the template's text
     * @param specialTokens variables such as {@code bos_token} and {@code eos_token}
     * @throws IllegalArgumentException if the template cannot be parsed, naming the line
     */
    public static ChatTemplate parse(String source, Map<String, String> specialTokens) {
        return parse(source, specialTokens, Clock.systemDefaultZone());
    }

    /** @param clock what {@code strftime_now} reads */
    public static ChatTemplate parse(String source, Map<String, String> specialTokens, Clock clock) {
        try {
            return new ChatTemplate(source, Template.parse(source), specialTokens, clock);
        } catch (TemplateException e) {
            throw new IllegalArgumentException("the model's chat template cannot be used: " + e.getMessage(), e);
        }
    }

    /** The template's text. */
    public String source() {
        return source;
    }

    /** Whether the template reads the variable {@code tools}; others ignore tools silently. */
    public boolean takesTools() {
        return template.uses("tools");
    }

    /**
     * Renders a conversation.
     *
     * @param messages  maps with {@code role}, {@code content} and what else the template reads
     * @param tools     tool definitions; an empty list is None to the template
     * @param arguments further variables; {@code add_generation_prompt} is true and {@code documents} None unless given here
     * @throws IllegalArgumentException if the template refuses the conversation or fails on it, or a value has no template type
     */
    public RenderedPrompt render(
            List<? extends Map<String, ?>> messages, List<? extends Map<String, ?>> tools, Map<String, ?> arguments) {
        Map<String, @Nullable Object> variables = new HashMap<>();
        variables.put("documents", null);
        variables.put("add_generation_prompt", true);
        for (Map.Entry<String, ?> argument : arguments.entrySet()) {
            if (OWN_VARIABLES.contains(argument.getKey()) || specialTokens.containsKey(argument.getKey())) {
                throw new IllegalArgumentException("the template argument '" + argument.getKey()
                        + "' is not allowed: the name is taken by the conversation or the model's special tokens");
            }
            variables.put(argument.getKey(), argument.getValue());
        }
        variables.put(
                "messages", messages.stream().map(ChatTemplate::withKnownRole).toList());
        variables.put("tools", tools.isEmpty() ? null : tools);
        try {
            Text text = template.render(specialTokens, variables, () -> ZonedDateTime.now(clock));
            return new RenderedPrompt(text.chars(), text.trustedRuns());
        } catch (TemplateRefusal e) {
            throw new IllegalArgumentException(
                    "the model's chat template refuses the conversation: " + e.getMessage(), e);
        } catch (TemplateException e) {
            throw new IllegalArgumentException("the model's chat template failed: " + e.getMessage(), e);
        }
    }

    private static Map<String, ?> withKnownRole(Map<String, ?> message) {
        if (!(message.get("role") instanceof String role) || !ROLES.contains(role)) {
            return message;
        }
        Map<String, @Nullable Object> copy = new LinkedHashMap<>(message);
        copy.put("role", Text.trusted(role));
        return copy;
    }
}
