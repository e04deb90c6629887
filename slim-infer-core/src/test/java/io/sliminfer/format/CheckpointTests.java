package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTests {

    @TempDir
    Path folder;

    @BeforeEach
    void writeTwoShards() {
        new SafetensorsWriter().add("a", DType.F32, new long[] {1}, 1).write(folder.resolve("one.safetensors"));
        new SafetensorsWriter().add("b", DType.F32, new long[] {1}, 2).write(folder.resolve("two.safetensors"));
    }

    @Test
    void findsTensorsInTheirShards() {
        writeIndex("\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensorNames()).containsExactlyInAnyOrder("a", "b");
            assertThat(checkpoint.tensor("b").rows(0, 1).getFloat(0)).isEqualTo(2);
            assertThat(checkpoint.has("c")).isFalse();
            assertThat(checkpoint.listing()).isEqualTo("model.safetensors.index.json");
        }
    }

    @Test
    void aSingleFileWinsOverAnIndex() {
        writeIndex("\"a\":\"one.safetensors\"");
        new SafetensorsWriter().add("c", DType.F32, new long[] {1}, 3).write(folder.resolve("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensorNames()).containsExactly("c");
            assertThat(checkpoint.listing()).isEqualTo("model.safetensors");
        }
    }

    @Test
    void aFolderWithoutSafetensorsSaysWhatItHas() throws IOException {
        Files.delete(folder.resolve("one.safetensors"));
        Files.delete(folder.resolve("two.safetensors"));
        assertRefused().withMessage("neither model.safetensors nor model.safetensors.index.json is in " + folder + ".");
        Files.writeString(folder.resolve("model.Q4_K_M.gguf"), "");
        assertRefused().withMessageEndingWith("(found model.Q4_K_M.gguf; give the path of that file itself).");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../one.safetensors",
                "/etc/passwd",
                "sub/one.safetensors",
                "..",
                ".",
                "",
                "C:one",
                "a\\\\b",
                "a\\u0000b"
            })
    void aShardOutsideTheFolderIsRefused(String shard) {
        writeIndex("\"a\":\"" + shard + "\"");
        assertRefused()
                .withMessageStartingWith("model.safetensors.index.json: weight_map names the file \"")
                .withMessageEndingWith("\"; plain names of files in the model's folder are allowed, without path.");
    }

    @Test
    void aMissingShardIsNamed() {
        writeIndex("\"a\":\"one.safetensors\",\"b\":\"three.safetensors\"");
        assertRefused()
                .withMessage("model.safetensors.index.json: weight_map names three.safetensors, which is missing in "
                        + folder + "; download it.");
    }

    @Test
    void aTensorThatItsShardLacksIsNamed() {
        writeIndex("\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"");
        assertRefused()
                .withMessage(
                        "model.safetensors.index.json: weight_map says that two.safetensors holds tensor a, but it is"
                                + " in one.safetensors.");
        writeIndex("\"a\":\"one.safetensors\",\"c\":\"one.safetensors\"");
        assertRefused()
                .withMessage(
                        "model.safetensors.index.json: weight_map says that one.safetensors holds tensor c, but it is"
                                + " in no shard.");
    }

    @Test
    void aTensorInTwoShardsIsRefused() {
        new SafetensorsWriter()
                .add("a", DType.F32, new long[] {1}, 1)
                .add("b", DType.F32, new long[] {1}, 2)
                .write(folder.resolve("two.safetensors"));
        writeIndex("\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"");
        assertRefused()
                .withMessage("tensor a is in both one.safetensors and two.safetensors; one of the shards is not of this"
                        + " model.");
    }

    @Test
    void aBrokenShardIsNamed() throws IOException {
        Files.write(folder.resolve("two.safetensors"), new byte[3]);
        writeIndex("\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"");
        assertRefused().withMessageStartingWith("two.safetensors: has 3 bytes, which is too short");
    }

    @Test
    void aBrokenIndexIsRefused() {
        writeIndex("\"a\":\"one.safetensors\",\"a\":\"two.safetensors\"");
        assertRefused().withMessage("model.safetensors.index.json: weight_map names a twice.");
        writeIndex("\"a\":1");
        assertRefused().withMessage("model.safetensors.index.json: weight_map is not an object of file names.");
        writeIndex("");
        assertRefused().withMessage("model.safetensors.index.json: weight_map is missing or empty.");
        write("{\"metadata\":{}}");
        assertRefused().withMessage("model.safetensors.index.json: weight_map is missing or empty.");
        write("[]");
        assertRefused().withMessage("model.safetensors.index.json: holds no JSON object.");
        write("{\"weight_map\":");
        assertRefused().withMessageStartingWith("model.safetensors.index.json: is not valid JSON: ");
        write("{\"weight_map\":{\"a\":\"one.safetensors\"},\"weight_map\":{\"b\":\"two.safetensors\"}}");
        assertRefused().withMessage("model.safetensors.index.json: has weight_map twice.");
    }

    private void writeIndex(String weightMap) {
        write("{\"metadata\":{\"total_size\":8},\"weight_map\":{" + weightMap + "}}");
    }

    private void write(String json) {
        try {
            Files.writeString(folder.resolve("model.safetensors.index.json"), json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ThrowableAssertAlternative<ModelFormatException> assertRefused() {
        return assertThatExceptionOfType(ModelFormatException.class).isThrownBy(() -> Checkpoint.open(folder));
    }
}
