package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.format.DType;
import io.sliminfer.format.GgufType;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PackedFormTests {

    private static final int HOPPER = 227 << 10;
    private static final int HOPPER_MULTIPROCESSOR = 228 << 10;
    private static final int CONSUMER = 99 << 10;

    @Test
    void everyQuantisedTypeOfFilesHasAForm() {
        for (GgufType type : GgufType.values()) {
            assertThat(PackedForm.of(type) != null).as(type.name()).isEqualTo(type.isQuantised());
        }
    }

    @ParameterizedTest
    @EnumSource(GgufType.class)
    void aMatrixTakesWhatItTakesInItsFileOrThreePercentMore(GgufType type) {
        PackedForm form = PackedForm.of(type);
        if (form == null) {
            assertThat(type.isQuantised()).isFalse();
            return;
        }
        double inFile = 4096.0 * 4096 / type.blockElements() * type.blockBytes();
        assertThat(form.bytes(4096, 4096) / inFile).as(type.name()).isBetween(1.0, 1.03);
        assertThat(form.scaleBytes(4096)).isZero();
    }

    @Test
    void int8TakesAByteAndAScaleForEachRow() {
        assertThat(PackedForm.INT8.bytes(4096, 14_336)).isEqualTo(4096L * 14_336);
        assertThat(PackedForm.INT8.scaleBytes(4096)).isEqualTo(4 * 4096);
        assertThat(PackedForm.INT8.bytes(17, 300)).as("whole tiles and pieces").isEqualTo(32 * 512);
        assertThat(PackedForm.INT8.scaleBytes(17)).isEqualTo(4 * 32);
    }

    @Test
    void rowsAreWholeBlocks() {
        assertThat(PackedForm.fits(896)).isTrue();
        assertThat(PackedForm.fits(48)).isFalse();
    }

    @ParameterizedTest
    @EnumSource(PackedForm.class)
    void twoBlocksFitAMultiprocessorOfAnH100AndOneAConsumerCard(PackedForm form) {
        int sums = 10_240;
        int ofTheDriver = 1024;
        int stages = form.stages(HOPPER);
        assertThat(2 * (form.sharedBytes(stages) + sums + ofTheDriver)).isLessThanOrEqualTo(HOPPER_MULTIPROCESSOR);
        assertThat(form.sharedBytes(stages)).as("pieces on their way").isGreaterThan(75 << 10);
        assertThat(form.sharedBytes(form.stages(CONSUMER)) + sums).isLessThanOrEqualTo(CONSUMER);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q4_K", "Q5_K"})
    void productsOfOneRowLeaveSharedMemoryForABlockOfTheKernelBehind(PackedForm form) {
        int sums = 1_280;
        int ofTheDriver = 1024;
        int stages = PackedForm.oneRowStages(form.stages(HOPPER));
        assertThat(stages).isGreaterThan(1);
        assertThat(3 * (form.sharedBytes(stages) + sums + ofTheDriver)).isLessThanOrEqualTo(HOPPER_MULTIPROCESSOR);
        assertThat(form.hasOneRow(DType.BF16)).isTrue();
        assertThat(form.hasOneRow(DType.F32)).as("plain loops").isFalse();
    }

    @Test
    void blocksGetAsManyBytesAsInBf16() {
        int resident = 264;
        assertThat(PackedKernels.grid(PackedForm.INT8.tileBytes(4096), 4096, resident))
                .isEqualTo(256);
        assertThat(PackedKernels.grid(PackedForm.INT8.tileBytes(4096), 6144, resident))
                .isEqualTo(264);
        assertThat(PackedKernels.grid(PackedForm.INT8.tileBytes(4096), 128_256, resident))
                .as("two tiles each")
                .isEqualTo(4008);
        assertThat(PackedKernels.grid(2 * PackedForm.INT8.tileBytes(4096), 14_336, resident))
                .as("gate and up")
                .isEqualTo(896);
        assertThat(PackedKernels.grid(2 * PackedForm.Q4_0.tileBytes(4096), 14_336, resident))
                .as("not below two for each resident block")
                .isEqualTo(528);
        assertThat(PackedKernels.grid(PackedForm.Q4_0.tileBytes(2048), 1, resident))
                .isEqualTo(1);
    }

    /** A piece has as many bytes here as in the kernel. */
    @ParameterizedTest
    @EnumSource(PackedForm.class)
    void agreesWithTheKernel(PackedForm form) throws Exception {
        String source = Files.readString(Path.of("src/main/resources/io/sliminfer/cuda/kernels/packed.cu"));
        int code = form.defines(2, 3).get("FORM");
        assertThat(source).contains(" " + code + " " + form.name());
        int bits = code <= 1 ? 8 : code == 2 || code == 3 || code == 6 ? 4 : code == 8 ? 6 : 5;
        String scaling =
                switch (form) {
                    case INT8 -> "PER_ROW";
                    case Q4_1, Q5_1 -> "DM";
                    case Q4_K, Q5_K -> "K";
                    case Q6_K -> "288";
                    default -> "D";
                };
        int quants = choice(source, "SCALE_START", "BITS == " + bits);
        int scales = choice(source, "SCALE_BYTES", scaling.equals("288") ? "" : "SCALING == " + scaling);
        assertThat(form.tileBytes(256)).isEqualTo(quants + scales);
    }

    /** The number behind a condition in the definition of a constant; the last one for what no condition names. */
    private static int choice(String source, String constant, String condition) {
        String line = source.lines()
                .filter(text -> text.startsWith("constexpr int " + constant))
                .findFirst()
                .orElseThrow();
        String from = line.contains(condition + " ? ") && !condition.isEmpty()
                ? line.substring(line.indexOf(condition + " ? ") + condition.length() + 3)
                : line.substring(line.lastIndexOf(": ") + 2);
        return Integer.parseInt(from.replaceFirst("\\D.*", ""));
    }
}
