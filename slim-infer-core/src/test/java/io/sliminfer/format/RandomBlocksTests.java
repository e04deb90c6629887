package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomBlocksTests {

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K"})
    void hasTheDeviationThatWasAskedFor(GgufType type) {
        RandomBlocks tensor = new RandomBlocks("w", type, 40, 512, 3, 0.02);
        double sum = 0;
        double squares = 0;
        float[] row = new float[512];
        for (int r = 0; r < 40; r++) {
            tensor.read(r, 0, 512, row, 0);
            for (float value : row) {
                sum += value;
                squares += (double) value * value;
            }
        }
        assertThat(sum / (40 * 512)).as("mean").isCloseTo(0, within(0.0035));
        assertThat(Math.sqrt(squares / (40 * 512))).as("deviation").isCloseTo(0.02, within(0.001));
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K"})
    void blocksAndNumbersAreTheSameWhereverTheyAreRead(GgufType type) {
        RandomBlocks tensor = new RandomBlocks("w", type, 5, 512, 3, 0.02);
        ByteBuffer blocks = ByteBuffer.allocateDirect((int) (2 * tensor.blockRowBytes()));
        tensor.copyBlocks(2, 4, blocks);
        byte[] bytes = new byte[blocks.flip().remaining()];
        blocks.get(bytes);
        float[] decoded = new float[1024];
        GgufBlocks.decode(type, bytes, 0, 1024 / type.elements, decoded, 0);

        ByteBuffer rows = tensor.rows(2, 4);
        float[] piece = new float[300];
        tensor.read(3, 111, 300, piece, 0);

        for (int i = 0; i < 1024; i++) {
            assertThat(rows.getFloat(4 * i)).isEqualTo(decoded[i]);
        }
        assertThat(piece).isEqualTo(Arrays.copyOfRange(decoded, 512 + 111, 512 + 411));
        assertThat(new RandomBlocks("w", type, 5, 512, 4, 0.02).rows(2, 4).mismatch(rows))
                .as("another seed")
                .isNotNegative();
    }

    @Test
    void refusesWhatItDoesNotMake() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new RandomBlocks("w", GgufType.Q5_0, 1, 64, 1, 1))
                .withMessageContaining("Q5_0")
                .withMessageContaining("Q4_K");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new RandomBlocks("w", GgufType.Q4_K, 1, 64, 1, 1))
                .withMessageContaining("rows of 64 elements");
    }
}
