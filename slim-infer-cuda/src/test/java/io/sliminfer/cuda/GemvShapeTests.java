package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.format.DType;
import org.junit.jupiter.api.Test;

class GemvShapeTests {

    private static final int HOPPER = 227 << 10;
    private static final int CONSUMER = 99 << 10;

    @Test
    void takesDeepPiecesWhereTwoBlocksFitAMultiprocessor() {
        assertThat(GemvShape.of(HOPPER).defines(DType.BF16))
                .containsEntry("WARPS", 8)
                .containsEntry("STAGES", 3)
                .containsEntry("DEPTH", 128)
                .containsEntry("DTYPE", 2);
        assertThat(GemvShape.of(HOPPER).sharedBytes(DType.BF16)).isEqualTo(98_304);
    }

    @Test
    void fitsTheSharedMemoryOfConsumerCards() {
        // The sums that the kernel declares itself come on top.
        assertThat(GemvShape.of(CONSUMER).sharedBytes(DType.F16) + 10_240).isLessThanOrEqualTo(CONSUMER);
    }

    @Test
    void needsNoRingForFloat32() {
        assertThat(GemvShape.of(HOPPER).sharedBytes(DType.F32)).isZero();
    }

    @Test
    void sharesFewTilesAmongResidentBlocksAndGivesManyABlockEach() {
        assertThat(GemvShape.grid(16, 264)).isEqualTo(1);
        assertThat(GemvShape.grid(4096, 264)).isEqualTo(256);
        assertThat(GemvShape.grid(6144, 264)).isEqualTo(264);
        assertThat(GemvShape.grid(14_336, 264)).isEqualTo(896);
        assertThat(GemvShape.grid(128_255, 264)).isEqualTo(8016);
    }
}
