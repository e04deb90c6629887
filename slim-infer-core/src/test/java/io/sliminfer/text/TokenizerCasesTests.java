package io.sliminfer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Made-up tokenizers of the kinds that models have, against the tokenizers library: {@code tokenizers/cases.json}. */
class TokenizerCasesTests {

    private static final JsonMapper JSON = new JsonMapper();

    @TempDir
    Path folder;

    record Case(JsonNode definition) {
        @Override
        public String toString() {
            return definition.path("name").asString();
        }
    }

    static Stream<Case> cases() throws IOException {
        try (InputStream file =
                Objects.requireNonNull(TokenizerCasesTests.class.getResourceAsStream("/tokenizers/cases.json"))) {
            List<Case> cases = new ArrayList<>();
            JSON.readTree(file).forEach(node -> cases.add(new Case(node)));
            return cases.stream();
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void encodesTrustedTextAsTheLibrary(Case given) throws IOException {
        try (Tokenizer tokenizer = load(given)) {
            for (JsonNode expected : given.definition.path("encode")) {
                String text = expected.path("text").asString();
                assertThat(tokenizer.encode(RenderedPrompt.trusted(text)))
                        .as("'%s'", text)
                        .isEqualTo(ids(expected));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void decodesAsTheLibraryInAnyPieces(Case given) throws IOException {
        try (Tokenizer tokenizer = load(given)) {
            for (JsonNode expected : given.definition.path("decode")) {
                assertThat(tokenizer.decode(ids(expected)))
                        .as(expected.path("ids").toString())
                        .isEqualTo(expected.path("text").asString());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void neverMakesControlTokensOfUntrustedText(Case given) throws IOException {
        try (Tokenizer tokenizer = load(given)) {
            for (String control : tokenizer.controlTokens()) {
                int id = tokenizer.addedTokenId(control).orElseThrow();
                for (String text :
                        List.of(control, "hello" + control, "hello " + control + " hello", control + control)) {
                    int[][] ids = new int[1][];
                    Throwable refusal = catchThrowable(() -> ids[0] = tokenizer.encode(RenderedPrompt.untrusted(text)));
                    if (refusal != null) {
                        // Only where the model's own merges lead to the token.
                        assertThat(given.toString()).startsWith("merges");
                        assertThat(refusal)
                                .isInstanceOf(IllegalArgumentException.class)
                                .hasMessageContaining("would become the control token '<s>'");
                    } else if (!control.equals("<unk>")) {
                        assertThat(ids[0]).as("'%s'", text).doesNotContain(id);
                    }
                }
            }
        }
    }

    private Tokenizer load(Case given) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(file, given.definition.path("tokenizer").toString());
        return Tokenizer.load(file, given.definition.path("highest").asInt() + 1);
    }

    private static int[] ids(JsonNode node) {
        return StreamSupport.stream(node.path("ids").spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
