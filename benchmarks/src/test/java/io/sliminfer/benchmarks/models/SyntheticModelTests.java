package io.sliminfer.benchmarks.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SyntheticModelTests {

    @TempDir
    Path cache;

    @Test
    void givesTheSameBytesEverywhere() throws Exception {
        Path weights = SyntheticModel.shape("test").folder(cache).resolve("model.safetensors");

        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(weights))))
                .isEqualTo("28fef517ee245071952af3be4bcf3ab5e9da7c6b60e4518e16969878bebce000");
        assertThat(Files.size(weights)).isLessThan(1 << 20);
    }

    @Test
    void passesTheLoaderOfPublishedModels() {
        SyntheticModel shape = SyntheticModel.shape("test");

        try (ModelFolder folder = ModelFolder.open(shape.folder(cache))) {
            assertThat(folder.parameters()).isEqualTo(shape.parameters());
            assertThat(folder.config().dtype()).isEqualTo(DType.BF16);
            assertThat(folder.config().maxPositions()).isEqualTo(shape.maxPositions());
        }
    }

    @Test
    void keepsWhatIsCompleteAndReplacesWhatIsNot() throws Exception {
        SyntheticModel shape = SyntheticModel.shape("test");
        Path weights = shape.folder(cache).resolve("model.safetensors");
        byte[] complete = Files.readAllBytes(weights);
        byte[] marked = complete.clone();
        marked[marked.length - 1] ^= 1;
        Files.write(weights, marked);

        shape.folder(cache);
        assertThat(weights).hasBinaryContent(marked);

        Files.write(weights, new byte[10]);
        shape.folder(cache);
        assertThat(weights).hasBinaryContent(complete);
        try (Stream<Path> files = Files.list(weights.getParent())) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("config.json", "model.safetensors");
        }
    }

    @Test
    void leavesNothingBehindWhenTheDiskIsTooSmall() {
        Path file = cache.resolve("huge");

        assertThatThrownBy(() -> CachedFile.write(file, Long.MAX_VALUE / 2, channel -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--cache");
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void leavesNothingBehindWhenTheContentIsCutShort() {
        assertThatThrownBy(() -> CachedFile.write(cache.resolve("cut"), 10, channel -> {}))
                .hasMessageContaining("0 bytes instead of 10");
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void namesTheShapesThereAre() {
        assertThatThrownBy(() -> SyntheticModel.shape("2b"))
                .hasMessage("synthetic:2b is unknown: there are synthetic:100m, synthetic:1b, synthetic:8b");
    }
}
