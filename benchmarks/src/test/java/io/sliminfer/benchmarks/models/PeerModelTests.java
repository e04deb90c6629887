package io.sliminfer.benchmarks.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Reads files back with a reader of its own, written from the format's description. */
class PeerModelTests {

    @TempDir
    Path cache;

    private ModelConfig model;

    @BeforeEach
    void takeTheTestShape() {
        try (ModelFolder folder = ModelFolder.open(SyntheticModel.shape("test").folder(cache))) {
            model = folder.config();
        }
    }

    /** @param dimensions contiguous one first */
    record Tensor(List<Long> dimensions, int type, long offset) {}

    record Gguf(Map<String, Object> pairs, Map<String, Tensor> tensors, ByteBuffer data) {}

    private static Gguf read(Path file) throws Exception {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(in.getInt()).as("magic").isEqualTo(0x46554747);
        assertThat(in.getInt()).as("version").isEqualTo(3);
        long tensorCount = in.getLong();
        long pairCount = in.getLong();
        Map<String, Object> pairs = new LinkedHashMap<>();
        for (long i = 0; i < pairCount; i++) {
            pairs.put(string(in), value(in, in.getInt()));
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (long i = 0; i < tensorCount; i++) {
            String name = string(in);
            List<Long> dimensions = new ArrayList<>();
            for (int n = in.getInt(); n > 0; n--) {
                dimensions.add(in.getLong());
            }
            tensors.put(name, new Tensor(dimensions, in.getInt(), in.getLong()));
        }
        in.position((in.position() + 31) / 32 * 32);
        return new Gguf(pairs, tensors, in.slice().order(ByteOrder.LITTLE_ENDIAN));
    }

    private static Object value(ByteBuffer in, int type) {
        return switch (type) {
            case 4, 5 -> in.getInt();
            case 6 -> in.getFloat();
            case 7 -> in.get() != 0;
            case 8 -> string(in);
            case 9 -> {
                int elementType = in.getInt();
                List<Object> list = new ArrayList<>();
                for (long n = in.getLong(); n > 0; n--) {
                    list.add(value(in, elementType));
                }
                yield list;
            }
            default -> throw new AssertionError("type " + type);
        };
    }

    private static String string(ByteBuffer in) {
        byte[] bytes = new byte[(int) in.getLong()];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Test
    void describesTheModelsShape() throws Exception {
        Gguf gguf = read(PeerModel.file(model, GgufWriter.Type.Q4_0, cache));

        assertThat(gguf.pairs)
                .containsEntry("general.architecture", "llama")
                .containsEntry("llama.embedding_length", 64)
                .containsEntry("llama.feed_forward_length", 128)
                .containsEntry("llama.block_count", 4)
                .containsEntry("llama.attention.head_count", 4)
                .containsEntry("llama.attention.head_count_kv", 2)
                .containsEntry("llama.context_length", 1024)
                .containsEntry("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .containsEntry("tokenizer.ggml.add_bos_token", false);
        assertThat(gguf.tensors).hasSize(1 + 4 * 9 + 1);
        assertThat(gguf.tensors.get("blk.3.attn_k.weight").dimensions()).containsExactly(64L, 32L);
        assertThat(gguf.tensors.get("blk.0.ffn_down.weight").dimensions()).containsExactly(128L, 64L);
        assertThat(gguf.tensors.get("output_norm.weight").dimensions()).containsExactly(64L);
    }

    @Test
    void givesEachCharacterItsToken() throws Exception {
        Gguf gguf = read(PeerModel.file(model, GgufWriter.Type.Q4_0, cache));

        List<?> tokens = (List<?>) gguf.pairs.get("tokenizer.ggml.tokens");
        assertThat(tokens).hasSize(512).doesNotHaveDuplicates();
        assertThat(tokens.get(PeerModel.RESERVED_TOKENS)).isEqualTo(Character.toString(PeerModel.FIRST_CHARACTER));
        assertThat((List<?>) gguf.pairs.get("tokenizer.ggml.scores")).hasSize(512);
        assertThat((List<?>) gguf.pairs.get("tokenizer.ggml.token_type")).hasSize(512);
        assertThat(PeerModel.characters(512)).isEqualTo(512 - 259);
    }

    @ParameterizedTest
    @CsvSource({"Q4_0,2,32,18", "F16,1,1,2"})
    void laysTensorsOutWithoutGapsOrOverlaps(GgufWriter.Type type, int number, long weights, long bytes)
            throws Exception {
        Gguf gguf = read(PeerModel.file(model, type, cache));

        long expected = 0;
        for (Map.Entry<String, Tensor> entry : gguf.tensors.entrySet()) {
            Tensor tensor = entry.getValue();
            assertThat(tensor.offset).as(entry.getKey()).isEqualTo(expected);
            boolean vector = tensor.dimensions.size() == 1;
            assertThat(tensor.type).as(entry.getKey()).isEqualTo(vector ? 0 : number);
            long elements = tensor.dimensions.stream().reduce(1L, (a, b) -> a * b);
            long size = vector ? elements * 4 : elements / weights * bytes;
            expected += (size + 31) / 32 * 32;
        }
        assertThat(gguf.data.capacity()).isEqualTo(expected);
    }

    @Test
    void fillsQuantisedBlocksWithWeightsOfTheRightSize() throws Exception {
        Gguf gguf = read(PeerModel.file(model, GgufWriter.Type.Q4_0, cache));

        int at = (int) gguf.tensors.get("blk.0.attn_q.weight").offset();
        float scale = float16(gguf.data.getShort(at));
        // Weights lie in -8..7 times the scale; sqrt(3 / 64) is the width that keeps products of 64 terms at the size
        // of one.
        assertThat(scale * 8)
                .isCloseTo((float) Math.sqrt(3.0 / 64), org.assertj.core.data.Percentage.withPercentage(0.2));
        float gain = gguf.data.getFloat(
                (int) gguf.tensors.get("blk.0.attn_norm.weight").offset());
        assertThat(gain).isEqualTo(1f);
    }

    @ParameterizedTest
    @CsvSource({"0.5,0.5", "-0.25,-0.25", "0,0", "0.1,0.099975586", "1e-6,0"})
    void writesFloat16(float value, float expected) {
        assertThat(float16(GgufWriter.float16(value))).isEqualTo(expected);
    }

    /** The value of normal float16 numbers and of zero. */
    private static float float16(short bits) {
        int exponent = (bits >> 10) & 0x1F;
        float size = exponent == 0 ? 0 : (float) ((1 + (bits & 0x3FF) / 1024.0) * Math.pow(2, exponent - 15));
        return bits < 0 ? -size : size;
    }

    @Test
    void refusesRowsThatDoNotDivideIntoBlocks() {
        assertThatThrownBy(() -> new GgufWriter().matrix("w", GgufWriter.Type.Q4_0, 4, 48))
                .hasMessage("w has rows of 48 weights; Q4_0 needs a multiple of 32");
    }
}
