package io.sliminfer.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class PageCacheTests {

    private static final int BYTES = 1 << 20;

    @TempDir
    Path folder;

    /** Whether all of a file is in the page cache, as mincore says. */
    private static boolean isCached(Path file) throws Exception {
        try (FileChannel channel = FileChannel.open(file)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, BYTES).isLoaded();
        }
    }

    @Test
    void dropsAFileThatWasJustWritten() throws Exception {
        String type = Files.getFileStore(folder).type();
        assumeThat(type).as("a file system in memory keeps its pages").isNotIn("tmpfs", "ramfs", "overlay");
        Path file = Files.write(folder.resolve("weights"), new byte[BYTES]);
        assertThat(isCached(file)).as("before").isTrue();

        PageCache.drop(file);

        assertThat(isCached(file)).as("after").isFalse();
        assertThat(Files.readAllBytes(file)).as("nothing is lost").isEqualTo(new byte[BYTES]);
    }

    @Test
    void namesAFileThatCannotBeOpened() {
        assertThatThrownBy(() -> PageCache.drop(folder.resolve("none")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("none cannot be opened");
    }

    @Test
    void listsTheFilesOfAModel() throws Exception {
        Path weights = Files.writeString(folder.resolve("b.safetensors"), "");
        Path config = Files.writeString(folder.resolve("a.json"), "");
        Files.createDirectory(folder.resolve("nested"));

        assertThat(PageCache.filesOf(folder)).containsExactly(config, weights);
        assertThat(PageCache.filesOf(weights)).containsExactly(weights);
    }
}
