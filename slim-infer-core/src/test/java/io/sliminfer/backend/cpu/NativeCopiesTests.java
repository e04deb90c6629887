package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvType;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeCopiesTests {

    private static final int BLOCK = 4;
    private static final int ROW = 2 * 2 * 8;

    private final NativeCopies copies = new NativeCopies();
    private NativeMemory memory;
    private OneDnnKvPool pool;

    @TempDir
    private Path folder;

    @BeforeEach
    void openPool() {
        assumeThat(OneDnn.UNUSABLE).as("oneDNN's natives").isNull();
        memory = new NativeMemory("test", 6L * BLOCK * ROW * 4);
        pool = new OneDnnKvPool(memory, 6, BLOCK, 2, 8, KvType.F32);
    }

    @AfterEach
    void close() {
        copies.close();
        if (memory != null) {
            memory.close();
        }
    }

    @Test
    void blocksComeBackFromMemoryAsTheyLeft() {
        comeBack(copies.allocateHost(3, pool.slotBytes(), null));
    }

    @Test
    void blocksComeBackFromAFileAsTheyLeftAndTheFileIsDeletedAtTheEnd() {
        Path file = folder.resolve("kv");
        comeBack(copies.allocateHost(3, pool.slotBytes(), file));
        assertThat(file).hasSize(3 * pool.slotBytes());
        copies.close();
        assertThat(file).doesNotExist();
    }

    private void comeBack(HostPool host) {
        float[] first = fill(1, 100);
        float[] second = fill(5, 5000);
        copies.toHost(pool, new int[] {1, 5}, host, new int[] {2, 0}).join();
        fill(1, -1);
        fill(5, -1);

        Fence fence = copies.toDevice(pool, new int[] {3, 1}, host, new int[] {0, 2});
        fence.join();

        assertThat(fence.isDone()).isTrue();
        assertThat(fence.nanos()).isPositive();
        assertThat(read(3)).isEqualTo(second);
        assertThat(read(1)).isEqualTo(first);
    }

    private float[] fill(int slot, float from) {
        float[] values = new float[BLOCK * ROW];
        for (int i = 0; i < values.length; i++) {
            values[i] = from + i;
        }
        memory.write(pool.element(slot, 0, 0), values, 0, values.length);
        return values;
    }

    private float[] read(int slot) {
        float[] values = new float[BLOCK * ROW];
        memory.read(pool.element(slot, 0, 0), values, 0, values.length);
        return values;
    }

    @Test
    void refusesSlotsThatAreNotThereBeforeAnythingIsCopied() {
        HostPool host = copies.allocateHost(3, pool.slotBytes(), null);
        HostPool smaller = copies.allocateHost(3, 8, null);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> copies.toHost(pool, new int[] {6}, host, new int[] {0}))
                .withMessage("device slot 6 of 6");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> copies.toDevice(pool, new int[] {0}, host, new int[] {3}))
                .withMessage("host slot 3 of 3");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> copies.toHost(pool, new int[] {0}, smaller, new int[] {0}))
                .withMessage("host slots of 8 bytes for device slots of " + pool.slotBytes());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> copies.toHost(pool, new int[] {0, 1}, host, new int[] {0}))
                .withMessage("2 slots to copy, 1 to copy to");
    }

    @Test
    void aFileThatExistsIsNotTouched() throws Exception {
        Path file = Files.writeString(folder.resolve("kv"), "somebody's");
        assertThatThrownBy(() -> copies.allocateHost(1, 64, file))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("slim-infer.kv-cache.disk: " + file + " exists");
        assertThat(file).hasContent("somebody's");
    }

    @Test
    void aFolderThatIsMissingIsNamed() {
        Path file = folder.resolve("missing").resolve("kv");
        assertThatThrownBy(() -> copies.allocateHost(1, 64, file))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("slim-infer.kv-cache.disk: " + file + " could not be written with 64 bytes");
    }
}
