package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.format.DType;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class HeadKernelsTests {

    private static final int H100 = 132;

    @Test
    void decodeFillsTheCardOnceAndReadsALongSequenceByOneBlockAMultiprocessor() {
        assertThat(HeadKernels.splits(1, 1, 1, 8, H100)).isEqualTo(1);
        assertThat(HeadKernels.splits(1024, 1024, 1, 8, H100)).isEqualTo(16); // a tile for each warp
        assertThat(HeadKernels.splits(4096, 4096, 1, 8, H100)).isEqualTo(33);
        assertThat(HeadKernels.splits(8192, 8192, 1, 8, H100)).isEqualTo(16);
        assertThat(HeadKernels.splits(65_536, 65_536, 1, 8, H100)).isEqualTo(16);
        assertThat(HeadKernels.splits(65_536, 8 * 65_536L, 8, 8, H100)).isEqualTo(4);
    }

    @Test
    void partialSumsOfAnySplitsHaveRoom() {
        for (int sequences = 1; sequences <= 600; sequences += 7) {
            for (int tokens = 1; tokens <= 200_000; tokens = tokens * 3 + 1) {
                int splits = HeadKernels.splits(tokens, (long) tokens * sequences, sequences, 2, H100);
                assertThat(4L * sequences * 16 * splits * (128 + 4))
                        .as(sequences + " sequences of " + tokens)
                        .isLessThanOrEqualTo(HeadKernels.partialBytes(sequences, 16, 128));
            }
        }
    }

    @Test
    void sharedMemoryOfDecodeIsThatOfTheKernel() {
        assertThat(Stream.of(64, 80, 96, 128).map(headDim -> HeadKernels.decodeSharedBytes(DType.BF16, headDim)))
                .containsExactly(49_152, 67_584, 79_872, 98_304);
        assertThat(HeadKernels.decodeSharedBytes(DType.F32, 128)).isEqualTo(512 * 132);
    }
}
