package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models from GGUF files against the folders that they were made of. */
class GgufModelTests {

    @TempDir
    private Path temp;

    private static ModelFolderWriter model(String type) {
        return new ModelFolderWriter(type)
                .config("hidden_size", "64")
                .config("intermediate_size", "96")
                .config("head_dim", "16")
                .config("tie_word_embeddings", "true");
    }

    static Stream<ModelFolderWriter> models() {
        return Stream.of(
                model("llama"),
                model("llama").config("attention_bias", "true").config("mlp_bias", "true"),
                model("llama").config("head_dim", "8").config("tie_word_embeddings", "false"),
                model("llama").config("rope_scaling", "{\"type\": \"linear\", \"factor\": 4.0}"),
                model("qwen2").config("rope_theta", "1000000.0"),
                model("qwen2")
                        .config(
                                "rope_scaling",
                                "{\"type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 1024}"),
                model("qwen3").config("head_dim", "32"));
    }

    @ParameterizedTest
    @MethodSource("models")
    void readsWhatTheFolderHolds(ModelFolderWriter writer) {
        Path folder = writer.write(temp.resolve("model"));
        for (GgufType type : List.of(GgufType.F32, GgufType.F16, GgufType.BF16)) {
            Path file = GgufExport.builder(folder, type).write(temp.resolve("model-" + type + ".gguf"));
            try (ModelFolder expected = ModelFolder.open(folder);
                    ModelFolder gguf = ModelFolder.open(file)) {
                assertThat(gguf.name()).isEqualTo("model-" + type);
                assertThat(gguf.path()).isEqualTo(file);
                assertThat(gguf.parameters()).isEqualTo(expected.parameters());
                assertThat(gguf.quantisedTypes()).isEmpty();
                assertThat(gguf.config())
                        .usingRecursiveComparison()
                        .ignoringFields("endOfSequence", "dtype")
                        .isEqualTo(expected.config());
                for (ExpectedTensor tensor : ExpectedTensor.of(expected.config())) {
                    assertEqualRows(gguf.tensor(tensor.name()), expected.tensor(tensor.name()), type);
                }
            }
        }
    }

    /** For devices that keep blocks; rows of Q are in pairs in the file, those of the MLP as they are. */
    @Test
    void blocksAreThoseOfTheirRows() {
        Path folder = model("llama")
                .config("hidden_size", "256")
                .config("intermediate_size", "512")
                .config("head_dim", "64")
                .write(temp.resolve("model"));
        Path file = GgufExport.builder(folder, GgufType.Q4_K).write(temp.resolve("model.gguf"));
        try (ModelFolder gguf = ModelFolder.open(file)) {
            for (String name : List.of("self_attn.q_proj", "mlp.up_proj")) {
                QuantisedTensor tensor = (QuantisedTensor) gguf.tensor("model.layers.0." + name + ".weight");
                assertThat(tensor.type()).isEqualTo(GgufType.Q4_K);
                assertThat(tensor.blockRowBytes()).isEqualTo(144);
                ByteBuffer blocks = ByteBuffer.allocateDirect(5 + 3 * 144).position(5);
                tensor.copyBlocks(2, 5, blocks);
                assertThat(blocks.remaining()).isZero();
                byte[] bytes = new byte[3 * 144];
                blocks.get(5, bytes);
                float[] decoded = new float[256];
                float[] read = new float[256];
                for (int row = 2; row < 5; row++) {
                    GgufBlocks.decode(GgufType.Q4_K, bytes, (row - 2) * 144, 1, decoded, 0);
                    tensor.read(row, 0, 256, read, 0);
                    assertThat(decoded).as("%s, row %d", name, row).isEqualTo(read);
                }
            }
        }
    }

    private static void assertEqualRows(TensorSource gguf, TensorSource expected, GgufType type) {
        assertThat(gguf.rows()).as(gguf.name()).isEqualTo(expected.rows());
        assertThat(gguf.dtype()).isEqualTo(gguf.rows() == 1 ? DType.F32 : type.dtype());
        for (long row = 0; row < expected.rows(); row++) {
            float[] values = GgufExport.row(expected, row);
            for (int i = 0; gguf.rows() > 1 && i < values.length; i++) {
                values[i] = rounded(values[i], type);
            }
            assertThat(GgufExport.row(gguf, row)).as("row %d of %s", row, gguf).isEqualTo(values);
            if (gguf instanceof DecodedTensor decoded) {
                float[] part = new float[8];
                decoded.read(row, 3, 5, part, 2);
                assertThat(part)
                        .as("part of row %d of %s", row, gguf)
                        .startsWith(0, 0)
                        .endsWith(0);
                assertThat(Arrays.copyOfRange(part, 2, 7)).isEqualTo(Arrays.copyOfRange(values, 3, 8));
            }
        }
    }

    private static float rounded(float value, GgufType type) {
        return switch (type) {
            case F16 -> HalfFloats.f16ToFloat(HalfFloats.floatToF16(value));
            case BF16 -> HalfFloats.bf16ToFloat(HalfFloats.floatToBf16(value));
            default -> value;
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
    void decodesQuantisedTensors(String name) {
        GgufType type = GgufType.valueOf(name);
        Path folder = model("llama")
                .config("hidden_size", "256")
                .config("intermediate_size", "512")
                .config("num_attention_heads", "16")
                .write(temp.resolve("model"));
        Path file = GgufExport.builder(folder, type).write(temp.resolve("model.gguf"));
        try (ModelFolder expected = ModelFolder.open(folder);
                ModelFolder gguf = ModelFolder.open(file)) {
            assertThat(gguf.quantisedTypes()).containsExactly(name);
            for (String tensor :
                    List.of("model.layers.1.self_attn.k_proj.weight", "model.layers.0.mlp.down_proj.weight")) {
                DecodedTensor decoded = (DecodedTensor) gguf.tensor(tensor);
                TensorSource source = expected.tensor(tensor);
                int columns = (int) source.columns();
                assertThat(decoded.dtype()).isEqualTo(DType.F32);
                assertThat(decoded.storedBytes()).isEqualTo(source.rows() * columns / type.elements * type.bytes);
                for (long row = 0; row < source.rows(); row++) {
                    float[] quantised = new float[columns];
                    byte[] blocks = GgufQuantizer.encode(type, GgufExport.row(source, row));
                    GgufBlocks.decode(type, blocks, 0, columns / type.elements, quantised, 0);
                    assertThat(GgufExport.row(decoded, row)).isEqualTo(quantised);
                    float[] part = new float[100];
                    decoded.read(row, 77, 100, part, 0);
                    assertThat(part).isEqualTo(Arrays.copyOfRange(quantised, 77, 177));
                }
                assertThatIllegalArgumentException().isThrownBy(() -> decoded.rows(0, source.rows() + 1));
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> decoded.read(0, 0, columns + 1, new float[columns + 1], 0));
            }
        }
    }

    @Test
    void readsRopeFactorsOfLlama3() {
        Path folder = model("llama")
                .config(
                        "rope_scaling",
                        "{\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,"
                                + " \"original_max_position_embeddings\": 1024}")
                .write(temp.resolve("model"));
        Path file = GgufExport.builder(folder, GgufType.F32).write(temp.resolve("model.gguf"));
        try (ModelFolder gguf = ModelFolder.open(file)) {
            RopeConfig.Divisors divisors =
                    (RopeConfig.Divisors) gguf.config().rope().scaling();
            assertThat(divisors.divisors()).hasSize(8).startsWith(1f).endsWith(8f);
        }
    }

    @Test
    void readsSplitFiles() throws IOException {
        Path folder = model("llama").write(temp.resolve("model"));
        split(folder, temp, UnaryOperator.identity());
        try (ModelFolder expected = ModelFolder.open(folder)) {
            for (String part : List.of("m-00001-of-00002.gguf", "m-00002-of-00002.gguf")) {
                try (ModelFolder gguf = ModelFolder.open(temp.resolve(part))) {
                    for (ExpectedTensor tensor : ExpectedTensor.of(expected.config())) {
                        assertEqualRows(gguf.tensor(tensor.name()), expected.tensor(tensor.name()), GgufType.F32);
                    }
                }
            }
        }
        Files.delete(temp.resolve("m-00002-of-00002.gguf"));
        assertRefused(
                temp.resolve("m-00001-of-00002.gguf"),
                "m-00002-of-00002.gguf is missing in " + temp
                        + ": the model is split into 2 files; download all of them.");
    }

    private static void split(Path folder, Path target, UnaryOperator<GgufBuilder> second) {
        try (ModelFolder model = ModelFolder.open(folder)) {
            int count = ExpectedTensor.of(model.config()).size();
            GgufBuilder first = GgufExport.builder(folder, GgufType.F32)
                    .number("split.count", 2)
                    .number("split.no", 0)
                    .number("split.tensors.count", count + 1);
            first.withoutTensor("output_norm.weight").write(target.resolve("m-00001-of-00002.gguf"));
            GgufBuilder rest = new GgufBuilder().number("split.count", 2).number("split.no", 1);
            rest.tensor("output_norm.weight", GgufExport.row(model.tensor("model.norm.weight"), 0));
            second.apply(rest).write(target.resolve("m-00002-of-00002.gguf"));
        }
    }

    @Test
    void refusesPartsThatDoNotBelongTogether() {
        Path folder = model("llama").write(temp.resolve("model"));
        Path first = temp.resolve("m-00001-of-00002.gguf");
        split(folder, temp, second -> second.number("split.no", 0));
        assertRefused(first, "m-00002-of-00002.gguf: split.no is 0; 1 is expected of this part (they count from 0).");
        split(folder, temp, second -> second.number("split.count", 3));
        assertRefused(first, "m-00002-of-00002.gguf: split.count is 3; the name says that there are 2 parts.");
        split(folder, temp, second -> second.tensor("x", 1, 2));
        assertRefused(
                first,
                "m-00001-of-00002.gguf: split.tensors.count is 21; the parts have 22 tensors: one is of another model.");
        split(folder, temp, second -> new GgufBuilder()
                .number("split.count", 2)
                .number("split.no", 1)
                .tensor("token_embd.weight", 1, 2));
        assertRefused(
                first,
                "tensor token_embd.weight is in both m-00001-of-00002.gguf and m-00002-of-00002.gguf;"
                        + " one of the parts is not of this model.");
        Path alone = GgufExport.builder(folder, GgufType.F32)
                .number("split.count", 2)
                .write(temp.resolve("alone.gguf"));
        assertRefused(
                alone,
                "alone.gguf: split.count is 2; parts are found by names such as model-00001-of-00002.gguf;"
                        + " rename them as they were.");
    }

    private void assertRefused(Path file, String message) {
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> ModelFolder.open(file).close())
                .withMessage(message);
    }

    private GgufBuilder builder() {
        return GgufExport.builder(model("llama").write(temp.resolve("model")), GgufType.F32);
    }

    private void assertMetadataRefused(UnaryOperator<GgufBuilder> change, String message) {
        assertRefused(change.apply(builder()).write(temp.resolve("x.gguf")), "x.gguf: " + message);
    }

    @Test
    void saysWhichMetadataIsWrong() {
        assertMetadataRefused(
                gguf -> gguf.without("general.architecture"),
                "general.architecture is missing; supported are llama (also Mistral), qwen2 and qwen3.");
        assertMetadataRefused(
                gguf -> gguf.text("general.architecture", "gemma3"),
                "general.architecture is \"gemma3\"; supported are llama (also Mistral), qwen2 and qwen3.");
        assertMetadataRefused(
                gguf -> gguf.number("general.architecture", 3), "general.architecture is 3; a string is expected.");
        assertMetadataRefused(
                gguf -> gguf.without("llama.block_count"),
                "llama.block_count is missing; a whole number from 1 to 4096 is expected.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.block_count", -1),
                "llama.block_count is 4294967295; a whole number from 1 to 4096 is expected.");
        assertMetadataRefused(
                gguf -> gguf.text("llama.block_count", "2"),
                "llama.block_count is \"2\"; a whole number from 1 to 4096 is expected.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.context_length", 0),
                "llama.context_length is 0; a whole number from 1 to 268435456 is expected.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.attention.head_count_kv", 3),
                "llama.attention.head_count_kv is 3; attention.head_count=4 must be a multiple of it.");
        assertMetadataRefused(
                gguf -> gguf.numbers("llama.attention.head_count_kv", List.of(2, 4)),
                "llama.attention.head_count_kv is a list of 2; a whole number from 1 to 4096 is expected, the same for all layers.");
        assertMetadataRefused(
                gguf -> gguf.without("llama.attention.head_count"),
                "llama.attention.head_count is missing; a whole number from 1 to 4096 is expected.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.attention.key_length", 15),
                "llama.attention.key_length is 15; heads have 15 dimensions; an even number up to 4096 is expected, because RoPE rotates pairs.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.attention.value_length", 32),
                "llama.attention.value_length is 32; supported is the size of keys, 16.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.rope.dimension_count", 8),
                "llama.rope.dimension_count is 8; supported is 16: all dimensions of a head are rotated.");
        assertMetadataRefused(
                gguf -> gguf.without("llama.attention.layer_norm_rms_epsilon"),
                "llama.attention.layer_norm_rms_epsilon is missing; a file of llama states it.");
        assertMetadataRefused(
                gguf -> gguf.real("llama.attention.layer_norm_rms_epsilon", 2),
                "llama.attention.layer_norm_rms_epsilon is 2.0; a number between 0 and 1 is expected.");
        assertMetadataRefused(
                gguf -> gguf.real("llama.rope.freq_base", Float.NaN),
                "llama.rope.freq_base is NaN; a finite number is expected.");
        assertMetadataRefused(
                gguf -> gguf.real("llama.rope.freq_base", 0.5f),
                "llama.rope.freq_base is 0.5; a number above 1 is expected.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.expert_count", 8),
                "llama.expert_count is 8; it is no part of the supported architecture llama.");
        assertMetadataRefused(
                gguf -> gguf.real("llama.attention.scale", 0.1f),
                "llama.attention.scale is " + (double) 0.1f + "; it is no part of the supported architecture llama.");
        assertMetadataRefused(
                gguf -> gguf.flag("llama.attention.causal", false),
                "llama.attention.causal is false; supported are causal models only.");
        assertMetadataRefused(
                gguf -> gguf.number("llama.attention.sliding_window", 100),
                "llama.attention.sliding_window is 100; sliding windows are not supported; supported is 0, or at least context_length=4096.");
        assertMetadataRefused(
                gguf -> gguf.text("llama.rope.scaling.type", "longrope"),
                "llama.rope.scaling.type is \"longrope\"; supported are none, linear and yarn.");
        assertMetadataRefused(
                gguf -> gguf.text("llama.rope.scaling.type", "linear"),
                "llama.rope.scale_linear is missing; a number above 0 is expected.");
        assertMetadataRefused(
                gguf -> gguf.text("llama.rope.scaling.type", "linear")
                        .real("llama.rope.scaling.factor", 2)
                        .tensor("rope_freqs.weight", 1, 1, 1, 1, 1, 1, 1, 1),
                "llama.rope.scaling.type is \"linear\"; beside the tensor rope_freqs.weight supported is none.");
        assertMetadataRefused(
                gguf -> gguf.tensor("rope_freqs.weight", 1, 1),
                "tensor rope_freqs.weight has 1 x 2 elements; one float32 for each of 8 pairs of a head's dimensions is expected.");
        assertMetadataRefused(
                gguf -> gguf.tensor("rope_freqs.weight", 1, 1, 1, 1, 1, 1, 1, 0),
                "tensor rope_freqs.weight holds 0.0; numbers above 0 are expected.");
        assertMetadataRefused(
                gguf -> gguf.text("llama.rope.scaling.type", "yarn")
                        .real("llama.rope.scaling.factor", 2)
                        .real("llama.rope.scaling.yarn_ext_factor", 0.5f),
                "llama.rope.scaling.yarn_ext_factor is 0.5; supported is 1.");
    }

    @Test
    void saysWhichTensorIsWrong() {
        assertMetadataRefused(gguf -> gguf.withoutTensor("token_embd.weight"), "has no tensor token_embd.weight.");
        assertMetadataRefused(
                gguf -> gguf.withoutTensor("blk.1.ffn_up.weight"),
                "tensor model.layers.1.mlp.up_proj.weight is missing; its metadata asks for it with shape [96, 64]"
                        + " (intermediate_size=96, hidden_size=64).");
        assertMetadataRefused(
                gguf -> gguf.number("llama.feed_forward_length", 128),
                "tensor blk.0.ffn_gate.weight has shape [96, 64]; its metadata says [128, 64] (intermediate_size=128, hidden_size=64).");
    }

    @ParameterizedTest
    @CsvSource({"2", "3"})
    void readsBothVersions(int version) {
        Path file = builder().version(version).write(temp.resolve("v.gguf"));
        try (ModelFolder gguf = ModelFolder.open(file)) {
            assertThat(gguf.config().layers()).isEqualTo(2);
            assertThat(gguf.tokenizer()).isEmpty();
            assertThat(gguf.chatTemplates()).isEmpty();
            assertThat(gguf.config().endOfSequence()).isEqualTo(Set.of());
        }
    }

    @Test
    void readsOtherAlignments() {
        Path folder = model("llama").write(temp.resolve("model"));
        Path file = GgufExport.builder(folder, GgufType.F32).write(temp.resolve("a.gguf"));
        // Descriptions hold offsets, so a file of another alignment is built from the start.
        GgufBuilder wide = new GgufBuilder().alignment(256);
        wide.tensor("x", 1, 2, 3).tensor("y", 4, 5);
        Path other = wide.write(temp.resolve("b.gguf"));
        try (GgufFile gguf = GgufFile.open(other);
                ModelFolder plain = ModelFolder.open(file)) {
            ByteBuffer y = gguf.tensor("y", "y", RowOrder.SAME).rows(0, 1);
            assertThat(y.getFloat()).isEqualTo(4);
            assertThat(gguf.entry("y").position() % 256).isZero();
            assertThat(plain.config().hidden()).isEqualTo(64);
        }
    }
}
