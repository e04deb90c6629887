package io.sliminfer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Compares with what Python's Jinja2 rendered, set up as in transformers. {@code -Dtemplates.dir} names a folder with
 * {@code conversations.json} and a sub-folder for each template: {@code tokenizer_config.json}, perhaps
 * {@code chat_template.jinja}, and {@code expected.json}. Default: the copy in test resources.
 */
class ChatTemplateCasesTests {

    private static final JsonMapper JSON = new JsonMapper();

    record Case(String template, ChatTemplate renderer, JsonNode conversation, JsonNode expected) {
        @Override
        public String toString() {
            return template + ": " + expected.path("name").asString();
        }
    }

    static Stream<Case> cases() throws IOException, URISyntaxException {
        String property = System.getProperty("templates.dir", "");
        Path root = property.isBlank()
                ? Path.of(Objects.requireNonNull(ChatTemplateCasesTests.class.getResource("/chat-templates"))
                        .toURI())
                : Path.of(property);
        List<Case> cases = new ArrayList<>();
        try (Stream<Path> folders = Files.list(root)) {
            for (Path folder : folders.filter(path -> Files.exists(path.resolve("expected.json")))
                    .sorted()
                    .toList()) {
                addCases(root, folder, cases);
            }
        }
        assertThat(cases).as("cases in " + root).isNotEmpty();
        return cases.stream();
    }

    private static void addCases(Path root, Path folder, List<Case> cases) throws IOException {
        JsonNode config = JSON.readTree(Files.readString(folder.resolve("tokenizer_config.json")));
        Path file = folder.resolve("chat_template.jinja");
        String source = Files.exists(file)
                ? Files.readString(file)
                : config.path("chat_template").asString();
        Map<String, String> tokens = new HashMap<>();
        for (String name : List.of("bos_token", "eos_token", "pad_token", "unk_token")) {
            JsonNode token = config.path(name).isObject() ? config.path(name).path("content") : config.path(name);
            if (token.isString()) {
                tokens.put(name, token.asString());
            }
        }
        // A folder may bring conversations of its own.
        Path own = folder.resolve("conversations.json");
        JsonNode conversations =
                JSON.readTree(Files.readString(Files.exists(own) ? own : root.resolve("conversations.json")));
        JsonNode expected = JSON.readTree(Files.readString(folder.resolve("expected.json")));
        assertThat(expected.size()).as(folder.toString()).isEqualTo(conversations.size());
        Clock clock = Clock.fixed(Instant.parse("2026-07-26T00:00:00Z"), ZoneOffset.UTC);
        ChatTemplate template = ChatTemplate.parse(source, tokens, clock);
        for (int i = 0; i < conversations.size(); i++) {
            cases.add(new Case(folder.getFileName().toString(), template, conversations.get(i), expected.get(i)));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    @SuppressWarnings("unchecked")
    void rendersWhatTransformersRenders(Case given) {
        Map<String, Object> conversation = JSON.convertValue(given.conversation, Map.class);
        List<Map<String, Object>> messages = (List<Map<String, Object>>) conversation.get("messages");
        List<Map<String, Object>> tools = (List<Map<String, Object>>) conversation.getOrDefault("tools", List.of());
        Map<String, Object> arguments =
                new HashMap<>((Map<String, Object>) conversation.getOrDefault("arguments", Map.of()));
        if (conversation.containsKey("add_generation_prompt")) {
            arguments.put("add_generation_prompt", conversation.get("add_generation_prompt"));
        }

        if (given.expected.has("error")) {
            assertThatThrownBy(() -> given.renderer.render(messages, tools, arguments))
                    .as(given.expected.path("error").asString())
                    .isInstanceOf(IllegalArgumentException.class);
            if (given.expected.path("error").asString().startsWith("TemplateError: ")) {
                String message = given.expected.path("error").asString().substring("TemplateError: ".length());
                assertThatThrownBy(() -> given.renderer.render(messages, tools, arguments))
                        .hasMessage("the model's chat template refuses the conversation: " + message);
            }
        } else {
            assertThat(given.renderer.render(messages, tools, arguments).text())
                    .isEqualTo(given.expected.path("text").asString());
        }
    }
}
