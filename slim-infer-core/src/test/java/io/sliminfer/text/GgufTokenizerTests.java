package io.sliminfer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sliminfer.format.GgufBuilder;
import io.sliminfer.format.GgufExport;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.ModelFormatException;
import io.sliminfer.golden.TinyModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokenizers from GGUF metadata. */
class GgufTokenizerTests {

    private static final String SPACE = "\u2581";

    @TempDir
    private Path temp;

    private ModelFolder open(UnaryOperator<GgufBuilder> tokenizer) {
        Path folder = new ModelFolderWriter("llama").config("vocab_size", "400").write(temp.resolve("model"));
        return ModelFolder.open(
                tokenizer.apply(GgufExport.builder(folder, "F32")).write(temp.resolve("x.gguf")));
    }

    private static int[] encode(ModelFolder folder, String text) {
        try (Tokenizer tokenizer =
                Tokenizer.load(folder.tokenizer().orElseThrow(), folder.config().vocabulary())) {
            return tokenizer.encode(RenderedPrompt.trusted(text));
        }
    }

    @Test
    void givesTheIdsOfTheTinyModelsOwnTokenizer() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
        Path file = GgufExport.write(TinyModel.folder(), "Q8_0", temp.resolve("tiny.gguf"));
        try (ModelFolder gguf = ModelFolder.open(file);
                ModelFolder original = ModelFolder.open(TinyModel.folder());
                Tokenizer actual = Tokenizer.load(
                        gguf.tokenizer().orElseThrow(), gguf.config().vocabulary());
                Tokenizer expected = Tokenizer.load(original.tokenizer().orElseThrow(), 8192)) {
            assertThat(gguf.chatTemplates()).isEqualTo(original.chatTemplates());
            assertThat(gguf.specialTokens())
                    .containsAllEntriesOf(
                            Map.of("bos_token", "<|begin_of_text|>", "pad_token", "<|finetune_right_pad_id|>"));
            assertThat(gguf.config().endOfSequence())
                    .containsExactlyInAnyOrderElementsOf(original.config().endOfSequence());
            assertThat(actual.controlTokens()).isEqualTo(expected.controlTokens());
            ChatTemplate template = ChatTemplate.parse(gguf.chatTemplate().orElseThrow(), gguf.specialTokens());
            ChatTemplate originalTemplate =
                    ChatTemplate.parse(original.chatTemplate().orElseThrow(), original.specialTokens());
            for (TinyModel.Example example : TinyModel.examples()) {
                List<Map<String, Object>> messages = new ArrayList<>();
                example.messages()
                        .forEach(message -> messages.add(Map.of("role", message.role(), "content", message.content())));
                int[] ids = actual.encode(template.render(messages, List.of(), Map.of()));
                assertThat(ids)
                        .as(example.id())
                        .isEqualTo(expected.encode(originalTemplate.render(messages, List.of(), Map.of())));
                assertThat(actual.decode(ids)).isEqualTo(expected.decode(ids));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        // Words of the vocabulary are taken whole where merges are ignored.
        "llama-bpe, 7 3",
        "smaug-bpe, 0 1 2 3",
        "qwen2, 0 1 2 3",
        "tekken, 0 1 2 3",
        "gpt-2, 0 1 2 3"
    })
    void cutsDigitsAsThePreTokenizerSays(String pre, String ids) {
        try (ModelFolder folder = open(gguf -> byteLevel(gguf).text("tokenizer.ggml.pre", pre))) {
            int[] expected =
                    List.of(ids.split(" ")).stream().mapToInt(Integer::parseInt).toArray();
            assertThat(encode(folder, "1234")).isEqualTo(expected);
        }
    }

    /** Digits, letters, and "123", which no merge makes. */
    private static GgufBuilder byteLevel(GgufBuilder gguf) {
        return gguf.text("tokenizer.ggml.model", "gpt2")
                .texts(
                        "tokenizer.ggml.tokens",
                        List.of("1", "2", "3", "4", "a", "b", "ab", "123", "<|im_end|>", "<extra>", "é"))
                .numbers("tokenizer.ggml.token_type", List.of(1, 1, 1, 1, 1, 1, 1, 1, 3, 4, 1))
                .texts("tokenizer.ggml.merges", List.of("a b"))
                .number("tokenizer.ggml.eos_token_id", 4);
    }

    @Test
    void knowsControlTokensAndEnds() {
        try (ModelFolder folder = open(gguf -> byteLevel(gguf).text("tokenizer.ggml.pre", "qwen2"))) {
            assertThat(encode(folder, "ab<|im_end|><extra>a")).containsExactly(6, 8, 9, 4);
            assertThat(folder.config().endOfSequence()).containsExactlyInAnyOrder(4, 8);
            assertThat(folder.specialTokens()).containsEntry("eos_token", "a");
            try (Tokenizer tokenizer = Tokenizer.load(folder.tokenizer().orElseThrow(), 400)) {
                assertThat(tokenizer.controlTokens()).containsExactly("<|im_end|>", "<extra>");
                assertThat(tokenizer.decode(new int[] {6, 8, 9})).isEqualTo("ab<extra>");
            }
        }
    }

    @Test
    void takesAllTemplates() {
        try (ModelFolder folder = open(gguf -> byteLevel(gguf)
                .text("tokenizer.chat_template", "usual")
                .text("tokenizer.chat_template.tool_use", "tools"))) {
            assertThat(folder.chatTemplates()).isEqualTo(Map.of("default", "usual", "tool_use", "tools"));
        }
    }

    /** A vocabulary of random pieces with scores, as SentencePiece makes them. */
    private static GgufBuilder sentencePiece(
            GgufBuilder gguf, List<String> pieces, List<Float> scores, boolean prefix) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        List<Float> all = new ArrayList<>(List.of(0f, 0f, 0f));
        List<Integer> kinds = new ArrayList<>(List.of(2, 3, 3));
        for (int i = 0; i < 256; i++) {
            tokens.add("<0x%02X>".formatted(i));
            all.add(0f);
            kinds.add(6);
        }
        tokens.addAll(pieces);
        all.addAll(scores);
        pieces.forEach(piece -> kinds.add(1));
        return gguf.text("tokenizer.ggml.model", "llama")
                .texts("tokenizer.ggml.tokens", tokens)
                .reals("tokenizer.ggml.scores", all)
                .numbers("tokenizer.ggml.token_type", kinds)
                .number("tokenizer.ggml.bos_token_id", 1)
                .number("tokenizer.ggml.eos_token_id", 2)
                .number("tokenizer.ggml.unknown_token_id", 0)
                .flag("tokenizer.ggml.add_space_prefix", prefix);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void joinsPiecesByTheirScores(boolean prefix) {
        Random random = new Random(11);
        List<String> pieces = new ArrayList<>(List.of(SPACE, "a", "b", "c", "d", "é"));
        while (pieces.size() < 120) {
            String joined = pieces.get(random.nextInt(pieces.size())) + pieces.get(random.nextInt(pieces.size()));
            if (!pieces.contains(joined) && joined.length() < 9 && joined.lastIndexOf(SPACE) <= 0) {
                pieces.add(joined);
            }
        }
        List<Float> scores = new ArrayList<>();
        for (int i = 0; i < pieces.size(); i++) {
            scores.add(i < 6 ? -1000f : (float) -i);
        }
        try (ModelFolder folder = open(gguf -> sentencePiece(gguf, pieces, scores, prefix));
                Tokenizer tokenizer = Tokenizer.load(folder.tokenizer().orElseThrow(), 400)) {
            for (int text = 0; text < 300; text++) {
                StringBuilder words = new StringBuilder();
                for (int i = random.nextInt(30); i >= 0; i--) {
                    words.append("abcd é ".charAt(random.nextInt(7)));
                }
                List<Integer> expected = byScores(words.toString(), pieces, scores, prefix);
                int[] ids = tokenizer.encode(RenderedPrompt.trusted(words.toString()));
                assertThat(ids)
                        .as("'%s'", words)
                        .containsExactly(
                                expected.stream().mapToInt(Integer::intValue).toArray());
                assertThat(tokenizer.decode(ids)).isEqualTo(words.toString());
            }
            // A character without a piece becomes its bytes.
            assertThat(tokenizer.encode(RenderedPrompt.trusted("a\u20ac"))).endsWith(3 + 0xE2, 3 + 0x82, 3 + 0xAC);
        }
    }

    /** SentencePiece's own way: of all neighbours the pair whose piece has the best score is joined, the leftmost among equals. */
    private static List<Integer> byScores(String text, List<String> pieces, List<Float> scores, boolean prefix) {
        Map<String, Integer> index = new HashMap<>();
        for (int i = 0; i < pieces.size(); i++) {
            index.put(pieces.get(i), i);
        }
        List<String> symbols = new ArrayList<>();
        String normal = (prefix ? " " + text : text).replace(" ", SPACE);
        normal.codePoints().forEach(character -> symbols.add(Character.toString(character)));
        while (true) {
            int best = -1;
            float bestScore = Float.NEGATIVE_INFINITY;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                Integer joined = index.get(symbols.get(i) + symbols.get(i + 1));
                if (joined != null && scores.get(joined) > bestScore) {
                    best = i;
                    bestScore = scores.get(joined);
                }
            }
            if (best < 0) {
                return symbols.stream().map(symbol -> 259 + index.get(symbol)).toList();
            }
            symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
        }
    }

    @Test
    void saysWhatIsWrongWithATokenizer() {
        assertRefused(
                gguf -> byteLevel(gguf).text("tokenizer.ggml.model", "bert"),
                "tokenizer.ggml.model is \"bert\"; supported are gpt2 (byte-level BPE) and llama (SentencePiece BPE).");
        assertRefused(
                gguf -> byteLevel(gguf),
                "tokenizer.ggml.pre is missing; supported are llama-bpe, qwen2, deepseek-r1-qwen, tekken, smaug-bpe and gpt-2"
                        + " (old files lack it: choose a newer conversion of the model).");
        assertRefused(
                gguf -> byteLevel(gguf).text("tokenizer.ggml.pre", "falcon"),
                "tokenizer.ggml.pre is \"falcon\"; supported are llama-bpe, qwen2, deepseek-r1-qwen, tekken, smaug-bpe and gpt-2.");
        assertRefused(
                gguf -> byteLevel(gguf)
                        .text("tokenizer.ggml.pre", "qwen2")
                        .texts("tokenizer.ggml.merges", List.of("ab")),
                "tokenizer.ggml.merges is a list of 1; pairs of tokens with a space between are expected, found \"ab\".");
        assertRefused(
                gguf -> byteLevel(gguf)
                        .text("tokenizer.ggml.pre", "qwen2")
                        .numbers("tokenizer.ggml.merges", List.of(1)),
                "tokenizer.ggml.merges is a list of 1; a list of strings is expected.");
        assertRefused(
                gguf -> byteLevel(gguf).text("tokenizer.ggml.pre", "qwen2").without("tokenizer.ggml.merges"),
                "tokenizer.ggml.merges is missing; a list of strings is expected.");
        assertRefused(
                gguf -> byteLevel(gguf).numbers("tokenizer.ggml.token_type", List.of(1)),
                "tokenizer.ggml.token_type is a list of 1; one for each of 11 tokens is expected.");
        assertRefused(
                gguf -> byteLevel(gguf).number("tokenizer.ggml.eos_token_id", 11),
                "tokenizer.ggml.eos_token_id is 11; a whole number from -1 to 10 is expected.");
        assertRefused(
                gguf -> sentencePiece(gguf, List.of("a"), List.of(), true),
                "tokenizer.ggml.scores is a list of 259; one for each of 260 tokens is expected.");
        assertRefused(
                gguf -> sentencePiece(gguf, List.of("a"), List.of(1f), true)
                        .numbers("tokenizer.ggml.scores", List.of(1)),
                "tokenizer.ggml.scores is a list of 1; a list of numbers is expected.");
    }

    private void assertRefused(UnaryOperator<GgufBuilder> tokenizer, String message) {
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> {
                    try (ModelFolder folder = open(tokenizer)) {
                        encode(folder, "a");
                    }
                })
                .withMessage("x.gguf: " + message);
    }
}
