package io.sliminfer.text;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tokenizer and template of the tiny model, from test resources, for tests of this and other packages. */
public final class TinyTokenizer {

    public static final int VOCABULARY = 8192;

    /** Id of {@code <|eot_id|>}. */
    public static final int END_OF_TURN = 4;

    private TinyTokenizer() {}

    /** On disk; a copy where the resource is in a jar. */
    public static Path file() {
        URL resource = Objects.requireNonNull(TinyTokenizer.class.getResource("/tiny-tokenizer/tokenizer.json"));
        try {
            if (resource.getProtocol().equals("file")) {
                return Path.of(resource.toURI());
            }
            Path copy = Files.createTempFile("tiny-tokenizer", ".json");
            copy.toFile().deleteOnExit();
            try (InputStream in = resource.openStream()) {
                Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
            }
            return copy;
        } catch (IOException | URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    public static Tokenizer load() {
        return Tokenizer.load(file(), VOCABULARY);
    }

    public static ChatTemplate template() {
        JsonNode config = read("tokenizer_config.json");
        return ChatTemplate.parse(
                config.path("chat_template").asString(),
                Map.of(
                        "bos_token", config.path("bos_token").asString(),
                        "eos_token", config.path("eos_token").asString()));
    }

    static JsonNode read(String name) {
        try (InputStream file =
                Objects.requireNonNull(TinyTokenizer.class.getResourceAsStream("/tiny-tokenizer/" + name))) {
            return new JsonMapper().readTree(file);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
