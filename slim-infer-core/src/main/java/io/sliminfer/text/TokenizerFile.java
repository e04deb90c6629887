package io.sliminfer.text;

import io.sliminfer.format.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A tokenizer.json, read for what the Java side needs, and rewritten so that the native tokenizer cannot make control tokens.
 * Read as a stream: the tree of a vocabulary of 150,000 entries would take ten times the file.
 */
final class TokenizerFile {

    private static final JsonMapper JSON = new JsonMapper();
    private static final Set<String> MODELS = Set.of("BPE", "Unigram", "WordPiece", "WordLevel");

    private final String path;
    private final String json;

    /** Values of the root's small fields, and where each stands. */
    private final Map<String, JsonNode> fields = new HashMap<>();

    private final Map<String, int[]> places = new HashMap<>();
    private final List<AddedToken> addedTokens = new ArrayList<>();
    private final Map<Integer, String> tokens = new HashMap<>();

    /** Where control tokens stand in the model's own vocabulary: start and end of the quoted text. */
    private final TreeMap<Integer, Integer> controlTokensInVocabulary = new TreeMap<>();

    private @Nullable String modelType;
    private @Nullable String unknownToken;
    private int unknownId = -1;

    private TokenizerFile(String path, String json) {
        this.path = path;
        this.json = json;
    }

    /** @throws ModelFormatException if the file is missing, is not JSON or lacks what a tokenizer needs */
    static TokenizerFile read(Path path) {
        String json;
        try {
            json = Files.readString(path);
        } catch (java.nio.file.NoSuchFileException e) {
            throw new ModelFormatException(
                    path + " does not exist: the model folder needs the tokenizer.json that is published with"
                            + " the model (tokenizer.model and vocab.txt alone are not supported)");
        } catch (IOException e) {
            throw new ModelFormatException(path + " cannot be read: " + e, e);
        }
        return parse(path.toString(), json);
    }

    /**
     * @param path what messages call it
     * @throws ModelFormatException if this is not JSON or lacks what a tokenizer needs
     */
    static TokenizerFile parse(String path, String json) {
        TokenizerFile file = new TokenizerFile(path, json);
        try {
            file.readFields();
            file.readAddedTokens();
            file.readModel();
        } catch (JacksonException e) {
            throw new ModelFormatException(
                    path + " is not a JSON object as tokenizers are published: " + e.getOriginalMessage(), e);
        }
        return file;
    }

    private void readFields() {
        try (JsonParser parser = JSON.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new ModelFormatException(path + " is not a JSON object");
            }
            for (String name = parser.nextName(); name != null; name = parser.nextName()) {
                parser.nextToken();
                int start = (int) parser.currentTokenLocation().getCharOffset();
                parser.skipChildren();
                int end = (int) parser.currentLocation().getCharOffset();
                places.put(name, new int[] {start, end});
                if (!name.equals("model") && !name.equals("version")) {
                    fields.put(name, JSON.readTree(json.substring(start, end)));
                }
            }
        }
    }

    private void readAddedTokens() {
        for (JsonNode node : field("added_tokens")) {
            String content = node.path("content").asString("");
            if (!node.path("id").isIntegralNumber() || content.isEmpty()) {
                throw new ModelFormatException(path + ": an entry of added_tokens has no id or no content: " + node);
            }
            AddedToken token = new AddedToken(
                    node.path("id").intValue(),
                    content,
                    node.path("special").asBoolean(false),
                    node.path("lstrip").asBoolean(false),
                    node.path("rstrip").asBoolean(false),
                    node.path("single_word").asBoolean(false));
            addedTokens.add(token);
            tokens.put(token.id(), content);
        }
    }

    private void readModel() {
        int[] place = places.get("model");
        if (place == null) {
            throw new ModelFormatException(path + " has no field 'model'");
        }
        Set<String> controls = new HashSet<>();
        addedTokens.stream().filter(AddedToken::isControl).forEach(token -> controls.add(token.content()));
        int unknownIndex = -1;
        try (JsonParser parser = JSON.createParser(json.substring(place[0], place[1]))) {
            parser.nextToken();
            for (String name = parser.nextName(); name != null; name = parser.nextName()) {
                JsonToken value = parser.nextToken();
                switch (name) {
                    case "type":
                        modelType = parser.getString();
                        break;
                    case "unk_token":
                        unknownToken = value == JsonToken.VALUE_STRING ? parser.getString() : null;
                        break;
                    case "unk_id":
                        unknownIndex = value == JsonToken.VALUE_NUMBER_INT ? parser.getIntValue() : -1;
                        break;
                    case "vocab":
                        readVocabulary(parser, place[0], controls);
                        break;
                    default:
                        parser.skipChildren();
                }
            }
        }
        if (modelType != null && !MODELS.contains(modelType)) {
            throw new ModelFormatException(
                    path + ": model type '" + modelType + "' is not supported; supported are " + MODELS);
        }
        if (tokens.isEmpty()) {
            throw new ModelFormatException(path + ": the vocabulary is empty");
        }
        unknownId = unknownIndex;
        for (Map.Entry<Integer, String> token : tokens.entrySet()) {
            if (token.getValue().equals(unknownToken)) {
                unknownId = token.getKey();
            }
        }
    }

    /** An object of token to id, or for Unigram an array of token and score. */
    private void readVocabulary(JsonParser parser, int offset, Set<String> controls) {
        if (parser.currentToken() == JsonToken.START_OBJECT) {
            for (String token = parser.nextName(); token != null; token = parser.nextName()) {
                noteControl(
                        token,
                        controls,
                        offset + (int) parser.currentTokenLocation().getCharOffset());
                parser.nextToken();
                tokens.put(parser.getIntValue(), token);
            }
            return;
        }
        for (int id = 0; parser.nextToken() == JsonToken.START_ARRAY; id++) {
            parser.nextToken();
            String token = parser.getString();
            noteControl(
                    token,
                    controls,
                    offset + (int) parser.currentTokenLocation().getCharOffset());
            tokens.putIfAbsent(id, token);
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                parser.skipChildren();
            }
        }
    }

    private void noteControl(String token, Set<String> controls, int start) {
        if (controls.contains(token)) {
            int end = start + 1;
            while (json.charAt(end) != '"') {
                end += json.charAt(end) == '\\' ? 2 : 1;
            }
            controlTokensInVocabulary.put(start, end + 1);
        }
    }

    String path() {
        return path;
    }

    List<AddedToken> addedTokens() {
        return addedTokens;
    }

    /** Content by id, added tokens included. */
    Map<Integer, String> tokens() {
        return tokens;
    }

    int highestId() {
        return tokens.keySet().stream().mapToInt(Integer::intValue).max().orElse(-1);
    }

    /** Id that stands for text that the vocabulary cannot express, or -1. */
    int unknownId() {
        return unknownId;
    }

    JsonNode decoder() {
        return field("decoder");
    }

    /** Whether only text at the very start gets a space in front, so that other pieces need a tokenizer of their own. */
    boolean prefixesOnlyTheStart() {
        return field("pre_tokenizer").toString().contains("\"prepend_scheme\":\"first\"");
    }

    /**
     * The file without its added tokens, for the text between them. None can be left in, because the library numbers added tokens
     * anew, whatever ids the file gives them.
     *
     * @param atStart  whether the text is the start of the prompt
     * @param hideFrom what control tokens in the model's vocabulary are renamed to (with a number), or null to leave them
     */
    String ordinaryJson(boolean atStart, @Nullable String hideFrom) {
        TreeMap<Integer, int[]> cuts = new TreeMap<>();
        Map<Integer, String> replacements = new HashMap<>();
        replace("truncation", "null", cuts, replacements);
        replace("padding", "null", cuts, replacements);
        replace("post_processor", "null", cuts, replacements);
        replace("added_tokens", "[]", cuts, replacements);
        if (!atStart) {
            String first = JSON.writeValueAsString(field("pre_tokenizer"));
            replace(
                    "pre_tokenizer",
                    first.replace("\"prepend_scheme\":\"first\"", "\"prepend_scheme\":\"never\""),
                    cuts,
                    replacements);
        }
        if (hideFrom != null) {
            hideControls(hideFrom, cuts, replacements);
        }
        StringBuilder rewritten = new StringBuilder(json.length());
        int done = 0;
        for (Map.Entry<Integer, int[]> cut : cuts.entrySet()) {
            rewritten.append(json, done, cut.getKey()).append(replacements.get(cut.getKey()));
            done = cut.getValue()[0];
        }
        return rewritten.append(json, done, json.length()).toString();
    }

    private void hideControls(String hideFrom, TreeMap<Integer, int[]> cuts, Map<Integer, String> replacements) {
        int number = 0;
        for (Map.Entry<Integer, Integer> place : controlTokensInVocabulary.entrySet()) {
            String quoted = json.substring(place.getKey(), place.getValue());
            // The model looks its unknown token up by name, and no text is ever matched against it.
            if (unknownToken == null || !JSON.readValue(quoted, String.class).equals(unknownToken)) {
                cuts.put(place.getKey(), new int[] {place.getValue()});
                replacements.put(place.getKey(), JSON.writeValueAsString(hideFrom + number++));
            }
        }
    }

    private void replace(String name, String value, TreeMap<Integer, int[]> cuts, Map<Integer, String> replacements) {
        int[] place = places.get(name);
        if (place != null) {
            cuts.put(place[0], new int[] {place[1]});
            replacements.put(place[0], value);
        }
    }

    private JsonNode field(String name) {
        JsonNode node = fields.get(name);
        return node == null ? JSON.missingNode() : node;
    }
}
