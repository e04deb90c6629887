package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Blocks against a reading of their definitions one element at a time (ggml-quants.c, {@code dequantize_row_*}). */
class GgufBlocksTests {

    private static final int BLOCKS = 200;

    @ParameterizedTest
    @EnumSource(GgufType.class)
    void decodesAsDefined(GgufType type) {
        byte[] blocks = randomBlocks(type, 5);
        float[] decoded = new float[3 + BLOCKS * type.elements];

        GgufBlocks.decode(type, blocks, 0, BLOCKS, decoded, 3);

        for (int i = 0; i < BLOCKS * type.elements; i++) {
            double expected = element(type, blocks, i / type.elements * type.bytes, i % type.elements);
            assertThat((double) decoded[3 + i])
                    .as("element %d of block %d", i % type.elements, i / type.elements)
                    .isCloseTo(expected, within(1e-6 * Math.max(1e-3, Math.abs(expected))));
        }
        assertThat(decoded[2]).isZero();
    }

    @ParameterizedTest
    @EnumSource(GgufType.class)
    void readsBackWhatWasQuantised(GgufType type) {
        SplittableRandom random = new SplittableRandom(7);
        float[] values = new float[BLOCKS * 256];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextDouble() * 2 - 1);
        }
        float[] decoded = new float[values.length];

        GgufBlocks.decode(type, GgufQuantizer.encode(type, values), 0, values.length / type.elements, decoded, 0);

        double step =
                switch (type) {
                    case F32 -> 0;
                    case F16, BF16 -> 1 / 128.0;
                    case Q8_0 -> 1 / 64.0;
                    case Q6_K -> 1 / 12.0;
                    case Q5_0, Q5_1, Q5_K -> 1 / 7.0;
                    case Q4_0, Q4_1, Q4_K -> 1 / 3.5;
                };
        for (int i = 0; i < values.length; i++) {
            assertThat(decoded[i]).as("element %d", i).isCloseTo(values[i], within((float) step));
        }
    }

    /** Any bits are a block; scales are kept finite so that results can be compared. */
    private static byte[] randomBlocks(GgufType type, long seed) {
        byte[] blocks = new byte[BLOCKS * type.bytes];
        new SplittableRandom(seed).nextBytes(blocks);
        for (int block = 0; block < BLOCKS; block++) {
            int start = block * type.bytes;
            switch (type) {
                case F32 -> blocks[start + 3] &= 0x3F;
                case F16, BF16, Q4_0, Q5_0, Q8_0 -> blocks[start + 1] &= (byte) 0xBF;
                case Q4_1, Q5_1, Q4_K, Q5_K -> {
                    blocks[start + 1] &= (byte) 0xBF;
                    blocks[start + 3] &= (byte) 0xBF;
                }
                case Q6_K -> blocks[start + 209] &= (byte) 0xBF;
            }
        }
        return blocks;
    }

    private static double element(GgufType type, byte[] b, int start, int i) {
        return switch (type) {
            case F32 ->
                Float.intBitsToFloat(
                        u8(b, start) | u8(b, start + 1) << 8 | u8(b, start + 2) << 16 | u8(b, start + 3) << 24);
            case F16 -> half(b, start);
            case BF16 -> Float.intBitsToFloat(u8(b, start) << 16 | u8(b, start + 1) << 24);
            case Q4_0 -> (nibble(b, start + 2, i) - 8) * half(b, start);
            case Q4_1 -> nibble(b, start + 4, i) * half(b, start) + half(b, start + 2);
            case Q5_0 -> ((nibble(b, start + 6, i) | bit(b, start + 2, i) << 4) - 16) * half(b, start);
            case Q5_1 -> (nibble(b, start + 8, i) | bit(b, start + 4, i) << 4) * half(b, start) + half(b, start + 2);
            case Q8_0 -> b[start + 2 + i] * half(b, start);
            case Q4_K -> {
                int q = nibble(b, start + 16 + 32 * (i / 64), i % 64, 32);
                yield half(b, start) * scale(b, start + 4, i / 32) * q - half(b, start + 2) * min(b, start + 4, i / 32);
            }
            case Q5_K -> {
                int high = u8(b, start + 16 + i % 32) >> (i / 32) & 1;
                int q = nibble(b, start + 48 + 32 * (i / 64), i % 64, 32) | high << 4;
                yield half(b, start) * scale(b, start + 4, i / 32) * q - half(b, start + 2) * min(b, start + 4, i / 32);
            }
            case Q6_K -> {
                int n = i / 128;
                int quarter = i % 128 / 32;
                int l = i % 32;
                int low = u8(b, start + 64 * n + 32 * (quarter & 1) + l) >> (quarter < 2 ? 0 : 4) & 15;
                int high = u8(b, start + 128 + 32 * n + l) >> 2 * quarter & 3;
                yield half(b, start + 208) * b[start + 192 + i / 16] * ((low | high << 4) - 32);
            }
        };
    }

    /** The first half of 32 elements lies in the low halves of the bytes. */
    private static int nibble(byte[] b, int at, int i) {
        return nibble(b, at, i, 16);
    }

    private static int nibble(byte[] b, int at, int i, int bytes) {
        return u8(b, at + i % bytes) >> (i < bytes ? 0 : 4) & 15;
    }

    private static int bit(byte[] b, int at, int i) {
        return u8(b, at + i / 8) >> i % 8 & 1;
    }

    private static int scale(byte[] b, int at, int j) {
        return j < 4 ? u8(b, at + j) & 63 : u8(b, at + j + 4) & 15 | u8(b, at + j - 4) >> 6 << 4;
    }

    private static int min(byte[] b, int at, int j) {
        return j < 4 ? u8(b, at + j + 4) & 63 : u8(b, at + j + 4) >> 4 | u8(b, at + j) >> 6 << 4;
    }

    private static int u8(byte[] b, int at) {
        return b[at] & 0xFF;
    }

    /** IEEE 754 binary16, in double precision. */
    private static double half(byte[] b, int at) {
        int bits = u8(b, at) | u8(b, at + 1) << 8;
        int exponent = bits >> 10 & 31;
        int fraction = bits & 1023;
        double size = exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * Math.pow(2, exponent - 25);
        return (bits & 0x8000) == 0 ? size : -size;
    }
}
