package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ChannelQuantiserTests {

    /** Rows in memory, as a file would have them or packed. */
    private static class Rows implements TensorSource {
        final float[][] rows;
        final DType dtype;

        Rows(DType dtype, float[]... rows) {
            this.dtype = dtype;
            this.rows = rows;
        }

        @Override
        public String name() {
            return "layer.weight";
        }

        @Override
        public DType dtype() {
            return dtype;
        }

        @Override
        public long rows() {
            return rows.length;
        }

        @Override
        public long columns() {
            return rows[0].length;
        }

        @Override
        public ByteBuffer rows(long from, long to) {
            ByteBuffer bytes = ByteBuffer.allocateDirect((int) ((to - from) * columns() * dtype.bytes()))
                    .order(ByteOrder.LITTLE_ENDIAN);
            for (long r = from; r < to; r++) {
                for (float value : rows[(int) r]) {
                    switch (dtype) {
                        case BF16 -> bytes.putShort(HalfFloats.floatToBf16(value));
                        case F16 -> bytes.putShort(HalfFloats.floatToF16(value));
                        default -> bytes.putFloat(value);
                    }
                }
            }
            return bytes.flip();
        }

        float stored(int row, int column) {
            float value = rows[row][column];
            return switch (dtype) {
                case BF16 -> HalfFloats.bf16ToFloat(HalfFloats.floatToBf16(value));
                case F16 -> HalfFloats.f16ToFloat(HalfFloats.floatToF16(value));
                default -> value;
            };
        }
    }

    private static final class Packed extends Rows implements DecodedTensor {
        Packed(float[]... rows) {
            super(DType.F32, rows);
        }

        @Override
        public void read(long row, int from, int count, float[] to, int at) {
            System.arraycopy(rows[(int) row], from, to, at, count);
        }

        @Override
        public long storedBytes() {
            return 0;
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void followsItsDefinitionForEachRow(DType dtype) {
        Random random = new Random(7);
        float[][] values = new float[9][777];
        for (int r = 0; r < values.length; r++) {
            for (int c = 0; c < values[r].length; c++) {
                values[r][c] = (float) random.nextGaussian() * (r + 1) * 0.01f;
            }
        }
        Arrays.fill(values[4], 0);
        Rows source = new Rows(dtype, values);
        int[] seen = new int[values.length];
        double[] squares = new double[2];

        ChannelQuantiser quantiser = new ChannelQuantiser();
        ChannelQuantiser.Loss loss = quantiser.quantise(source, 2, 9, (row, q, scale) -> {
            int r = (int) row;
            seen[r]++;
            int sum = 0;
            for (byte level : q) {
                sum += level;
            }
            assertThat(quantiser.lastSum()).isEqualTo(sum);
            float magnitude = 0;
            for (int c = 0; c < q.length; c++) {
                magnitude = Math.max(magnitude, Math.abs(source.stored(r, c)));
            }
            assertThat(scale).isEqualTo(magnitude / 127);
            for (int c = 0; c < q.length; c++) {
                float w = source.stored(r, c);
                assertThat(q[c]).isEqualTo((byte) (scale == 0 ? 0 : Math.rint(w / scale)));
                squares[0] += Math.pow(w - (double) q[c] * scale, 2);
                squares[1] += (double) w * w;
            }
        });

        assertThat(seen).containsExactly(0, 0, 1, 1, 1, 1, 1, 1, 1);
        assertThat(loss.relative()).isCloseTo(Math.sqrt(squares[0] / squares[1]), within(1e-6));
        assertThat(loss.relative()).as("8 bits of normal weights").isBetween(0.003, 0.01);
    }

    @Test
    void readsPackedRowsAsTheyAreDecoded() {
        float[][] values = {{1, -2, 127}, {0, 0, 0}};
        byte[][] bytes = new byte[2][];
        float[] scales = new float[2];

        ChannelQuantiser.Loss loss = new ChannelQuantiser().quantise(new Packed(values), 0, 2, (row, q, scale) -> {
            bytes[(int) row] = q.clone();
            scales[(int) row] = scale;
        });

        assertThat(bytes[0]).containsExactly(1, -2, 127);
        assertThat(bytes[1]).containsExactly(0, 0, 0);
        assertThat(scales).containsExactly(1, 0);
        assertThat(loss.relative()).isZero();
    }

    @Test
    void quantisesRandomTensorsAsTheirRowsAre() {
        RandomTensor tensor = new RandomTensor("w", DType.BF16, 5, 64, 3, 0, 0.1);
        ByteBuffer rows = tensor.rows(0, 5);
        new ChannelQuantiser().quantise(tensor, 1, 5, (row, q, scale) -> {
            for (int c = 0; c < 64; c++) {
                float w = HalfFloats.bf16ToFloat(rows.getShort((int) (row * 64 + c) * 2));
                assertThat(q[c] * scale).isCloseTo(w, within(scale * 0.501f));
            }
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = GgufType.class,
            names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K"})
    void quantisesBlocksAsTheyAreDecoded(GgufType type) {
        RandomBlocks tensor = new RandomBlocks("w", type, 5, 512, 3, 0.1);
        float[] expected = new float[512];
        new ChannelQuantiser().quantise(tensor, 1, 5, (row, q, scale) -> {
            tensor.read(row, 0, 512, expected, 0);
            for (int c = 0; c < 512; c++) {
                assertThat(q[c] * scale).isCloseTo(expected[c], within(scale * 0.501f));
            }
        });
    }

    @Test
    void rowsOfAllSizesHaveTheirPartInTheLoss() {
        Random random = new Random(13);
        for (float size : new float[] {1e-30f, 1e-9f, 1, 1e9f, 1e30f}) {
            float[][] values = new float[6][600];
            double[] squares = new double[2];
            for (int r = 0; r < values.length; r++) {
                for (int c = 0; c < 600; c++) {
                    // Beside them rows whose every step is exact.
                    values[r][c] =
                            r % 2 == 0 ? (float) random.nextGaussian() * size : 127 * 0x1p-100f * (c % 2 == 0 ? 1 : -1);
                }
            }
            ChannelQuantiser.Loss loss = new ChannelQuantiser()
                    .quantise(new Rows(DType.F32, values), 0, 6, (row, q, scale) -> {
                        for (int c = 0; c < 600; c++) {
                            double w = values[(int) row][c];
                            squares[0] += Math.pow(w - (double) q[c] * scale, 2);
                            squares[1] += w * w;
                        }
                    });

            assertThat(loss.error() / squares[0]).as("error at %s", size).isCloseTo(1, within(1e-5));
            assertThat(loss.signal() / squares[1]).as("signal at %s", size).isCloseTo(1, within(1e-5));
        }
    }

    @Test
    void whatWasGivenUpIsNotInTheNextLoss() {
        ChannelQuantiser quantiser = new ChannelQuantiser();
        Rows bad = new Rows(DType.F32, new float[] {1000, 0.3f}, new float[] {1, Float.NaN});
        assertThatIllegalArgumentException().isThrownBy(() -> quantiser.quantise(bad, 0, 2, (r, q, s) -> {}));

        ChannelQuantiser.Loss loss =
                quantiser.quantise(new Rows(DType.F32, new float[] {127, 0.25f}), 0, 1, (r, q, s) -> {});

        assertThat(loss.error()).isEqualTo(0.0625);
        assertThat(loss.signal()).isEqualTo(127 * 127 + 0.0625);
    }

    @Test
    void anOutlierTakesTheStepsOfItsRow() {
        float[] row = new float[256];
        Arrays.fill(row, 0.01f);
        row[17] = 10;

        ChannelQuantiser.Loss loss = new ChannelQuantiser()
                .quantise(new Rows(DType.F32, row), 0, 1, (r, q, scale) -> assertThat(q[0])
                        .isZero());

        assertThat(loss.relative()).isCloseTo(Math.sqrt(255e-4 / (100 + 255e-4)), within(1e-4));
    }

    @Test
    void keepsSumsOfPairsBelowALimit() {
        Random random = new Random(11);
        float[][] values = new float[40][65];
        for (float[] row : values) {
            for (int c = 0; c < row.length; c++) {
                row[c] = (float) random.nextGaussian();
            }
        }
        values[3] = new float[65];
        values[3][10] = 1; // alone in its pair
        values[4] = new float[65];
        values[4][20] = -1;
        values[4][21] = -1;

        ChannelQuantiser.Loss loss = new ChannelQuantiser(128)
                .quantise(new Rows(DType.F32, values), 0, 40, (row, q, scale) -> {
                    for (int c = 0; c + 1 < q.length; c += 2) {
                        assertThat(Math.max(q[c], 0) + Math.max(q[c + 1], 0)).isLessThanOrEqualTo(128);
                        assertThat(Math.min(q[c], 0) + Math.min(q[c + 1], 0)).isGreaterThanOrEqualTo(-128);
                    }
                    for (int c = 0; c < q.length; c++) {
                        assertThat(q[c] * scale).isCloseTo(values[(int) row][c], within(scale * 0.501f));
                    }
                    if (row == 3) {
                        assertThat(q[10]).isEqualTo((byte) 127);
                    }
                    if (row == 4) {
                        assertThat(q[20]).isEqualTo((byte) -64);
                    }
                });

        assertThat(loss.relative()).isBetween(0.003, 0.015);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ChannelQuantiser(127))
                .withMessageContaining("128 or more");
    }

    @Test
    void refusesWhatIsNoNumber() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ChannelQuantiser()
                        .quantise(
                                new Rows(DType.F32, new float[] {1, 2}, new float[] {1, Float.NaN}),
                                0,
                                2,
                                (r, q, s) -> {}))
                .withMessageContaining("layer.weight: row 1");
    }

    @Test
    void lossesAddUp() {
        ChannelQuantiser.Loss both = new ChannelQuantiser.Loss(1, 50).plus(new ChannelQuantiser.Loss(3, 350));

        assertThat(both.relative()).isCloseTo(0.1, within(1e-12));
        assertThat(ChannelQuantiser.Loss.NONE.relative()).isZero();
        assertThat(ChannelQuantiser.rowsOfTask(2048)).isEqualTo(128);
        assertThat(ChannelQuantiser.rowsOfTask(1 << 30)).isEqualTo(1);
    }
}
