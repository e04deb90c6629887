package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.format.DType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GemmAlgorithmsTests {

    private static final String IDENTITY = "NVIDIA Test 80GB, driver for CUDA 13000, cuBLASLt 130100";
    private static final GemmShape SHAPE = GemmShape.dense(DType.BF16, DType.BF16, 8, 64, 32, false);
    private static final GemmShape OTHER = GemmShape.dense(DType.F32, DType.F32, 8, 64, 32, false);
    private static final long[] WORDS = {1, -1, 0x0123456789abcdefL, Long.MIN_VALUE, 0, 5, 6, 7};

    @TempDir
    private Path folder;

    private DiskCache cache() {
        return new DiskCache(folder, "algorithms");
    }

    private GemmAlgorithms algorithms() {
        return new GemmAlgorithms(cache(), IDENTITY);
    }

    private static GemmAlgorithms with(GemmAlgorithms algorithms, GemmShape shape) {
        algorithms.put(shape, WORDS);
        return algorithms;
    }

    @Test
    void areThereAtTheNextStart() {
        with(algorithms(), SHAPE).save();
        assertThat(algorithms().get(SHAPE)).containsExactly(WORDS);
        assertThat(algorithms().get(OTHER)).isNull();
    }

    @Test
    void areNotUsedWithAnotherLibrary() {
        with(algorithms(), SHAPE).save();
        assertThat(new GemmAlgorithms(cache(), IDENTITY + "1").get(SHAPE)).isNull();
    }

    @Test
    void twoProcessesKeepWhatEachMeasured() {
        GemmAlgorithms one = with(algorithms(), SHAPE);
        GemmAlgorithms two = with(algorithms(), OTHER);
        one.save();
        two.save();
        assertThat(algorithms().get(SHAPE)).containsExactly(WORDS);
        assertThat(algorithms().get(OTHER)).containsExactly(WORDS);
    }

    @Test
    void linesThatAreNoAlgorithmAreLeftOut() {
        with(algorithms(), SHAPE).save();
        String file = algorithms().file();
        String text = new String(cache().read(file), StandardCharsets.UTF_8);
        String bad = text + "\nnonsense\n" + OTHER.text() + " 00ff\n" + OTHER.text() + " " + "g".repeat(128);
        cache().write(file, bad.getBytes(StandardCharsets.UTF_8));
        assertThat(algorithms().get(SHAPE)).containsExactly(WORDS);
        assertThat(algorithms().get(OTHER)).isNull();
    }

    @Test
    void aFileOfAnotherMachineUnderThisNameIsNotUsed() {
        with(algorithms(), SHAPE).save();
        String file = algorithms().file();
        String text = new String(cache().read(file), StandardCharsets.UTF_8);
        cache().write(file, text.replace(IDENTITY, "another").getBytes(StandardCharsets.UTF_8));
        assertThat(algorithms().get(SHAPE)).isNull();
    }
}
