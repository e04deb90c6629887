package io.sliminfer.format;

import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.json.JsonMapper;

/**
 * The tokenizer of a GGUF file ({@code tokenizer.ggml.*}) in the form of a {@code tokenizer.json}, so that it runs on the same code and
 * gives the same ids. Byte-level BPE ({@code gpt2}) with the pre-tokenizers of Llama 3, Qwen2 and Mistral, and the SentencePiece BPE
 * of Llama 2 and Mistral ({@code llama}).
 */
final class GgufTokenizer {

    // Kinds of tokens (llama.h).
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;

    private static final String PREFIX = "tokenizer.ggml.";
    private static final String MODEL = PREFIX + "model";
    private static final String PRE = PREFIX + "pre";
    private static final String TOKENS = PREFIX + "tokens";
    private static final String MERGES = PREFIX + "merges";
    private static final String SCORES = PREFIX + "scores";
    private static final String KINDS = PREFIX + "token_type";
    private static final String TEMPLATE = "tokenizer.chat_template";

    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|";
    private static final String REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    private static final String LLAMA3 = CONTRACTIONS + WORD + "\\p{N}{1,3}" + REST;
    private static final String QWEN2 = CONTRACTIONS + WORD + "\\p{N}" + REST;
    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String TEKKEN = "[^\\r\\n\\p{L}\\p{N}]?" + UPPER + "*" + LOWER + "+|[^\\r\\n\\p{L}\\p{N}]?"
            + UPPER + "+" + LOWER + "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /**
     * How text is cut before pairs are merged.
     *
     * @param pattern      null for GPT-2's, which the library has itself
     * @param ignoreMerges whether a word that is in the vocabulary is taken without merging
     * @param nfc          whether text is put into Unicode's composed form first
     */
    private record PreTokenizer(@Nullable String pattern, boolean ignoreMerges, boolean nfc) {}

    /** By the names of llama-vocab.cpp; what each does is the models' tokenizer.json. */
    private static final Map<String, PreTokenizer> PRE_TOKENIZERS = Map.of(
            "llama-bpe", new PreTokenizer(LLAMA3, true, false),
            "llama3", new PreTokenizer(LLAMA3, true, false),
            "llama-v3", new PreTokenizer(LLAMA3, true, false),
            "smaug-bpe", new PreTokenizer(LLAMA3, false, false),
            "qwen2", new PreTokenizer(QWEN2, false, true),
            "deepseek-r1-qwen", new PreTokenizer(QWEN2, false, false),
            "tekken", new PreTokenizer(TEKKEN, true, false),
            "gpt-2", new PreTokenizer(null, false, false));

    /** Control tokens that end an answer although many files name only one of them as such. */
    private static final Set<String> ENDS = Set.of(
            "<|eot_id|>",
            "<|eom_id|>",
            "<|im_end|>",
            "<|endoftext|>",
            "<|end_of_text|>",
            "<|end|>",
            "<end_of_turn>",
            "</s>");

    private static final Map<String, String> SPECIAL_NAMES = Map.of(
            "bos_token", "bos_token_id",
            "eos_token", "eos_token_id",
            "unk_token", "unknown_token_id",
            "pad_token", "padding_token_id",
            "sep_token", "seperator_token_id",
            "mask_token", "mask_token_id");

    private static final JsonMapper MAPPER = new JsonMapper();

    private final GgufMetadata metadata;
    private final List<String> tokens;
    private final List<Long> kinds;

    private GgufTokenizer(GgufMetadata metadata) {
        this.metadata = metadata;
        this.tokens = metadata.texts(TOKENS);
        this.kinds = metadata.has(KINDS) ? metadata.integers(KINDS) : List.of();
        if (!kinds.isEmpty() && kinds.size() != tokens.size()) {
            throw metadata.wrong(KINDS, "one for each of " + tokens.size() + " tokens is expected");
        }
    }

    /** Whether the file has a tokenizer. */
    static boolean isIn(GgufMetadata metadata) {
        return metadata.has(TOKENS);
    }

    /**
     * @throws ModelFormatException naming the key, its value and what is supported
     */
    static GgufTokenizer read(GgufMetadata metadata) {
        return new GgufTokenizer(metadata);
    }

    private int kind(int id) {
        return kinds.isEmpty() ? 0 : kinds.get(id).intValue();
    }

    private int id(String key) {
        return metadata.integer(PREFIX + key, -1, -1, tokens.size() - 1);
    }

    /** Ids that end an answer. */
    Set<Integer> endOfSequence() {
        Set<Integer> ids = new LinkedHashSet<>();
        for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
            if (id(key) >= 0) {
                ids.add(id(key));
            }
        }
        for (int id = 0; id < tokens.size(); id++) {
            if (kind(id) == CONTROL && ENDS.contains(tokens.get(id))) {
                ids.add(id);
            }
        }
        return ids;
    }

    /** Chat templates and special tokens, as {@link TokenizerFiles} of a folder. */
    TokenizerFiles templates() {
        Map<String, String> templates = new LinkedHashMap<>();
        String usual = metadata.text(TEMPLATE);
        if (usual != null) {
            templates.put(TokenizerFiles.DEFAULT_TEMPLATE, usual);
        }
        for (String key : metadata.keys()) {
            if (key.startsWith(TEMPLATE + ".")) {
                String template = metadata.text(key);
                if (template != null) {
                    templates.put(key.substring(TEMPLATE.length() + 1), template);
                }
            }
        }
        Map<String, String> special = new LinkedHashMap<>();
        SPECIAL_NAMES.forEach((name, key) -> {
            if (id(key) >= 0) {
                special.put(name, tokens.get(id(key)));
            }
        });
        return new TokenizerFiles(Map.copyOf(templates), Map.copyOf(special));
    }

    /** The document. */
    String json() {
        String model = metadata.text(MODEL);
        if (model == null || !model.equals("gpt2") && !model.equals("llama")) {
            throw metadata.wrong(MODEL, "supported are gpt2 (byte-level BPE) and llama (SentencePiece BPE)");
        }
        StringWriter out = new StringWriter();
        try (JsonGenerator json = MAPPER.createGenerator(out)) {
            json.writeStartObject();
            json.writeStringProperty("version", "1.0");
            writeAddedTokens(json);
            if (model.equals("gpt2")) {
                writeByteLevel(json);
            } else {
                writeSentencePiece(json);
            }
            json.writeEndObject();
        }
        return out.toString();
    }

    private void writeAddedTokens(JsonGenerator json) {
        json.writeArrayPropertyStart("added_tokens");
        for (int id = 0; id < tokens.size(); id++) {
            if (isAdded(id)) {
                json.writeStartObject();
                json.writeNumberProperty("id", id);
                json.writeStringProperty("content", tokens.get(id));
                json.writeBooleanProperty("single_word", false);
                json.writeBooleanProperty("lstrip", false);
                json.writeBooleanProperty("rstrip", false);
                json.writeBooleanProperty("normalized", false);
                json.writeBooleanProperty("special", kind(id) != USER_DEFINED);
                json.writeEndObject();
            }
        }
        json.writeEndArray();
    }

    /** Tokens that are found in text before all else. The unknown one is among SentencePiece's. */
    private boolean isAdded(int id) {
        return !tokens.get(id).isEmpty() && (kind(id) == CONTROL || kind(id) == USER_DEFINED || kind(id) == UNKNOWN);
    }

    private void writeByteLevel(JsonGenerator json) {
        String name = metadata.text(PRE);
        PreTokenizer pre = name == null ? null : PRE_TOKENIZERS.get(name);
        if (pre == null) {
            throw metadata.wrong(
                    PRE,
                    "supported are llama-bpe, qwen2, deepseek-r1-qwen, tekken, smaug-bpe and gpt-2"
                            + (name == null ? " (old files lack it: choose a newer conversion of the model)" : ""));
        }
        writeRaw(json, "normalizer", pre.nfc ? "{\"type\":\"NFC\"}" : "null");
        String bytes = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":"
                + (pre.pattern == null) + "}";
        writeRaw(
                json,
                "pre_tokenizer",
                pre.pattern == null
                        ? bytes
                        : "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
                                + MAPPER.writeValueAsString(pre.pattern)
                                + "},\"behavior\":\"Isolated\",\"invert\":false}," + bytes + "]}");
        writeRaw(
                json,
                "decoder",
                "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}");
        json.writeObjectPropertyStart("model");
        json.writeStringProperty("type", "BPE");
        json.writeBooleanProperty("ignore_merges", pre.ignoreMerges);
        writeVocabulary(json);
        json.writeArrayPropertyStart("merges");
        for (String merge : metadata.texts(MERGES)) {
            // Tokens of a byte-level vocabulary have no space in them.
            int space = merge.indexOf(' ', 1);
            if (space < 0) {
                throw metadata.wrong(
                        MERGES, "pairs of tokens with a space between are expected, found \"" + merge + "\"");
            }
            writeMerge(json, merge.substring(0, space), merge.substring(space + 1));
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void writeSentencePiece(JsonGenerator json) {
        boolean space = metadata.flag(PREFIX + "add_space_prefix", true);
        String replace = "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}";
        writeRaw(
                json,
                "normalizer",
                space
                        ? "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\u2581\"},"
                                + replace + "]}"
                        : replace);
        writeRaw(json, "pre_tokenizer", "null");
        writeRaw(
                json,
                "decoder",
                "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},\"content\":\" \"},"
                        + "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}"
                        + (space ? ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}" : "") + "]}");
        json.writeObjectPropertyStart("model");
        json.writeStringProperty("type", "BPE");
        if (id("unknown_token_id") >= 0) {
            json.writeStringProperty("unk_token", tokens.get(id("unknown_token_id")));
        }
        json.writeBooleanProperty("fuse_unk", true);
        json.writeBooleanProperty("byte_fallback", true);
        writeVocabulary(json);
        json.writeArrayPropertyStart("merges");
        for (Merge merge : mergesByScore()) {
            writeMerge(json, merge.left, merge.right);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void writeRaw(JsonGenerator json, String name, String value) {
        json.writeName(name);
        json.writeRawValue(value);
    }

    private static void writeMerge(JsonGenerator json, String left, String right) {
        json.writeStartArray();
        json.writeString(left);
        json.writeString(right);
        json.writeEndArray();
    }

    private void writeVocabulary(JsonGenerator json) {
        Map<String, Integer> ids = ids();
        json.writeObjectPropertyStart("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            if (ids.get(tokens.get(id)) == id) {
                json.writeNumberProperty(tokens.get(id), id);
            }
        }
        json.writeEndObject();
    }

    /** Of a token that is there twice the first counts. */
    private Map<String, Integer> ids() {
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < tokens.size(); id++) {
            ids.putIfAbsent(tokens.get(id), id);
        }
        return ids;
    }

    /** Two tokens that make a third. */
    private record Merge(String left, String right, double score) {
        int leftLength() {
            return left.codePointCount(0, left.length());
        }

        int rightLength() {
            return right.codePointCount(0, right.length());
        }
    }

    /**
     * SentencePiece has no list of merges: it joins the pair whose result has the best score. As transformers does ({@code
     * generate_merges}), every way to put a token together is a merge, in the order of scores.
     */
    private List<Merge> mergesByScore() {
        List<Double> scores = metadata.numbers(SCORES);
        if (scores.size() != tokens.size()) {
            throw metadata.wrong(SCORES, "one for each of " + tokens.size() + " tokens is expected");
        }
        Map<String, Integer> ids = ids();
        List<Merge> merges = new ArrayList<>();
        for (int id = 0; id < tokens.size(); id++) {
            String token = tokens.get(id);
            List<Merge> ways = new ArrayList<>();
            for (int cut = 0; cut < token.length(); ) {
                cut = token.offsetByCodePoints(cut, 1);
                Integer left = ids.get(token.substring(0, cut));
                Integer right = ids.get(token.substring(cut));
                if (cut < token.length() && left != null && right != null) {
                    ways.add(new Merge(tokens.get(left), tokens.get(right), scores.get(id)));
                }
            }
            ways.sort(Comparator.comparing((Merge way) -> ids.get(way.left)).thenComparing(way -> ids.get(way.right)));
            merges.addAll(ways);
        }
        merges.sort(Comparator.comparingDouble(Merge::score)
                .thenComparingInt(Merge::leftLength)
                .thenComparingInt(Merge::rightLength)
                .reversed());
        return merges;
    }
}
