package io.sliminfer.benchmarks.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class JlamaModelTests {

    @TempDir
    Path cache;

    private ModelConfig model;

    @BeforeEach
    void takeTheTestShape() {
        try (ModelFolder folder = ModelFolder.open(SyntheticModel.shape("test").folder(cache))) {
            model = folder.config();
        }
    }

    @Test
    void describesTensorsThatFillTheFileWithoutGaps() throws Exception {
        byte[] file = Files.readAllBytes(JlamaModel.folder(model, cache).resolve("model.safetensors"));
        int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        JsonNode header = JsonLines.parse(new String(file, Long.BYTES, length, StandardCharsets.UTF_8));

        long end = 0;
        for (Map.Entry<String, JsonNode> tensor : header.properties()) {
            JsonNode shape = tensor.getValue().path("shape");
            long elements = shape.valueStream().mapToLong(JsonNode::asLong).reduce(1, (a, b) -> a * b);
            boolean packed = tensor.getValue().path("dtype").asString().equals("Q4");
            assertThat(tensor.getValue().path("data_offsets").path(0).asLong())
                    .as(tensor.getKey())
                    .isEqualTo(end);
            end = tensor.getValue().path("data_offsets").path(1).asLong();
            assertThat(end - tensor.getValue().path("data_offsets").path(0).asLong())
                    .as(tensor.getKey())
                    .isEqualTo(packed ? elements / 2 : 4 * elements);
            if (packed) {
                assertThat(header.path(tensor.getKey() + ".qb")
                                .path("shape")
                                .path(1)
                                .asLong())
                        .as("a scale for 32 weights of " + tensor.getKey())
                        .isEqualTo(shape.path(1).asLong() / 32);
            }
        }
        assertThat(Long.BYTES + length + end).isEqualTo(file.length);
        assertThat(header.path("model.layers.3.mlp.down_proj.weight")
                        .path("shape")
                        .toString())
                .isEqualTo("[64,128]");
    }

    @Test
    void givesEachCharacterOfAPromptATokenOfItsOwn() throws Exception {
        Path folder = JlamaModel.folder(model, cache);
        JsonNode vocabulary = JsonLines.parse(Files.readString(folder.resolve("tokenizer.json")))
                .path("model")
                .path("vocab");

        assertThat(vocabulary.size()).isEqualTo(model.vocabulary());
        assertThat(vocabulary
                        .path(Character.toString(PeerModel.FIRST_CHARACTER + 5))
                        .asInt())
                .isEqualTo(PeerModel.RESERVED_TOKENS + 5);
        assertThat(JsonLines.parse(Files.readString(folder.resolve("config.json")))
                        .path("eos_token_id")
                        .asInt())
                .as("no id ends an answer")
                .isEqualTo(model.vocabulary());
    }

    @Test
    void refusesAShapeThatJlamaWouldReadOtherwise() {
        ModelConfig wide = new ModelConfig(
                "llama",
                model.vocabulary(),
                96,
                128,
                2,
                4,
                2,
                16,
                1e-5f,
                model.rope(),
                false,
                false,
                false,
                false,
                true,
                1024,
                java.util.Set.of(),
                model.dtype());

        assertThatIllegalArgumentException()
                .isThrownBy(() -> JlamaModel.folder(wide, cache))
                .withMessageContaining("4 heads of 16 and a hidden size of 96");
    }
}
