package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskCacheTests {

    private static final String NAME = "kernel.cubin";

    @TempDir
    private Path folder;

    private DiskCache cache() {
        return new DiskCache(folder.resolve("made").resolve("when-needed"), "things");
    }

    private Path file() {
        return folder.resolve("made").resolve("when-needed").resolve(NAME);
    }

    private static byte[] content(int seed) {
        byte[] content = new byte[10_000 + seed];
        Arrays.fill(content, (byte) seed);
        return content;
    }

    @Test
    void givesBackWhatAnotherInstanceWrote() {
        cache().write(NAME, content(1));
        assertThat(cache().read(NAME)).isEqualTo(content(1));
    }

    @Test
    void hasNothingAtFirst() {
        assertThat(cache().read(NAME)).isNull();
    }

    @Test
    void anEmptyContentIsAContent() {
        cache().write(NAME, new byte[0]);
        assertThat(cache().read(NAME)).isEmpty();
    }

    @Test
    void doesNotUseATruncatedFile() throws IOException {
        cache().write(NAME, content(1));
        byte[] whole = Files.readAllBytes(file());
        for (int length : new int[] {0, 7, 47, 48, whole.length - 1}) {
            Files.write(file(), Arrays.copyOf(whole, length));
            assertThat(cache().read(NAME)).as("%d bytes", length).isNull();
        }
    }

    @Test
    void doesNotUseAFileWithAFlippedBit() throws IOException {
        cache().write(NAME, content(1));
        byte[] whole = Files.readAllBytes(file());
        for (int at : new int[] {0, 10, 30, 48, whole.length - 1}) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 4;
            Files.write(file(), damaged);
            assertThat(cache().read(NAME)).as("byte %d", at).isNull();
        }
    }

    @Test
    void aDamagedFileCanBeMadeAgain() throws IOException {
        cache().write(NAME, content(1));
        Files.write(file(), new byte[100]);
        cache().write(NAME, content(2));
        assertThat(cache().read(NAME)).isEqualTo(content(2));
    }

    @Test
    void readersSeeWholeFilesWhileTwoWrite() throws Exception {
        int rounds = 200;
        cache().write(NAME, content(0));
        CountDownLatch go = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Future<Integer>> results = new ArrayList<>();
            for (int writer = 1; writer <= 2; writer++) {
                int seed = writer;
                results.add(threads.submit((Callable<Integer>) () -> {
                    go.await();
                    for (int i = 0; i < rounds; i++) {
                        cache().write(NAME, content(seed));
                    }
                    return rounds;
                }));
            }
            results.add(threads.submit((Callable<Integer>) () -> {
                go.await();
                int whole = 0;
                for (int i = 0; i < rounds; i++) {
                    byte[] read = cache().read(NAME);
                    whole += read != null && Arrays.equals(read, content(read[0])) ? 1 : 0;
                }
                return whole;
            }));
            go.countDown();
            for (Future<Integer> result : results) {
                assertThat(result.get()).isEqualTo(rounds);
            }
        } finally {
            threads.shutdownNow();
        }
        try (Stream<Path> files = Files.list(file().getParent())) {
            assertThat(files).as("no temporary file stays").containsExactly(file());
        }
    }

    @Test
    void worksWithoutAFolderThatCanBeWritten() throws IOException {
        // A file in the folder's place: root, who runs tests in containers, may write to any folder.
        Files.createFile(folder.resolve("made"));
        DiskCache cache = cache();
        assertThatCode(() -> {
                    cache.write(NAME, content(1));
                    cache.write(NAME, content(2));
                })
                .doesNotThrowAnyException();
        assertThat(cache.read(NAME)).isNull();
    }
}
