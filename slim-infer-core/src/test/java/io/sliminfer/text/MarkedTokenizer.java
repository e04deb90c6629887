package io.sliminfer.text;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The tiny model's tokenizer with more added tokens, such as {@code <tool_call>}; their ids follow its own in the order given. */
public final class MarkedTokenizer {

    private MarkedTokenizer() {}

    /** @param special whether decoding leaves them out */
    public static Tokenizer load(boolean special, String... marks) {
        JsonMapper mapper = new JsonMapper();
        try {
            Path file = Files.createTempFile("marked-tokenizer", ".json");
            file.toFile().deleteOnExit();
            ObjectNode json = (ObjectNode) mapper.readTree(TinyTokenizer.file());
            ArrayNode added = (ArrayNode) json.get("added_tokens");
            for (int i = 0; i < marks.length; i++) {
                added.addObject()
                        .put("id", TinyTokenizer.VOCABULARY + i)
                        .put("content", marks[i])
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", special);
            }
            Files.write(file, mapper.writeValueAsBytes(json));
            return Tokenizer.load(file, TinyTokenizer.VOCABULARY + marks.length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
