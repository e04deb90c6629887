package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class HalfFloatsTests {

    @Test
    void readsEveryF16AsItsDefinitionSays() {
        for (int bits = 0; bits < 0x10000; bits++) {
            assertThat(HalfFloats.f16ToFloat((short) bits)).as("%x", bits).isEqualTo(Float.valueOf((float) f16(bits)));
        }
    }

    @Test
    void everyF16AndBf16ComesBackUnchanged() {
        for (int bits = 0; bits < 0x10000; bits++) {
            float f16 = HalfFloats.f16ToFloat((short) bits);
            float bf16 = HalfFloats.bf16ToFloat((short) bits);
            if (Float.isNaN(f16)) {
                assertThat(HalfFloats.f16ToFloat(HalfFloats.floatToF16(f16))).isNaN();
            } else {
                assertThat(HalfFloats.floatToF16(f16)).as("%x", bits).isEqualTo((short) bits);
            }
            if (Float.isNaN(bf16)) {
                assertThat(HalfFloats.bf16ToFloat(HalfFloats.floatToBf16(bf16))).isNaN();
            } else {
                assertThat(HalfFloats.floatToBf16(bf16)).as("%x", bits).isEqualTo((short) bits);
            }
        }
    }

    @Test
    void roundsHalvesBetweenNeighboursToTheEvenOne() {
        for (int bits = 0; bits < 0x7bff; bits++) {
            double low = f16(bits);
            double high = f16(bits + 1);
            float half = (float) ((low + high) / 2);
            int even = bits % 2 == 0 ? bits : bits + 1;
            assertThat(HalfFloats.floatToF16(half)).as("%x", bits).isEqualTo((short) even);
            assertThat(HalfFloats.floatToF16(Math.nextUp(half))).isEqualTo((short) (bits + 1));
            assertThat(HalfFloats.floatToF16(-Math.nextDown(half))).isEqualTo((short) (bits | 0x8000));
        }
        for (int bits = 0; bits < 0x7f7f; bits++) {
            float half = Float.intBitsToFloat(bits << 16 | 0x8000);
            int even = bits % 2 == 0 ? bits : bits + 1;
            assertThat(HalfFloats.floatToBf16(half)).as("%x", bits).isEqualTo((short) even);
            assertThat(HalfFloats.floatToBf16(Math.nextUp(half))).isEqualTo((short) (bits + 1));
            assertThat(HalfFloats.floatToBf16(-Math.nextDown(half))).isEqualTo((short) (bits | 0x8000));
        }
    }

    @Test
    void valuesBeyondTheRangeBecomeInfinite() {
        assertThat(HalfFloats.floatToF16(65519.996f)).isEqualTo((short) 0x7bff);
        assertThat(HalfFloats.floatToF16(65520f)).isEqualTo((short) 0x7c00);
        assertThat(HalfFloats.floatToF16(Float.MAX_VALUE)).isEqualTo((short) 0x7c00);
        assertThat(HalfFloats.floatToBf16(-Float.MAX_VALUE)).isEqualTo((short) 0xff80);
    }

    @Test
    void convertsArraysAsSingleValues() {
        float[] values = new float[37];
        Random random = new Random(3);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        short[] bf16 = new short[40];
        short[] f16 = new short[40];
        HalfFloats.floatToBf16(bf16, 2, values, 1, 36);
        HalfFloats.floatToF16(f16, 2, values, 1, 36);
        float[] back = new float[80];
        HalfFloats.bf16ToFloat(back, 1, bf16, 2, 36);
        HalfFloats.f16ToFloat(back, 41, f16, 2, 36);
        for (int i = 0; i < 36; i++) {
            assertThat(back[1 + i]).isEqualTo(HalfFloats.bf16ToFloat(HalfFloats.floatToBf16(values[1 + i])));
            assertThat(back[41 + i]).isEqualTo(HalfFloats.f16ToFloat(HalfFloats.floatToF16(values[1 + i])));
        }
    }

    private static double f16(int bits) {
        int exponent = bits >> 10 & 31;
        double mantissa = bits & 0x3ff;
        double magnitude =
                switch (exponent) {
                    case 0 -> Math.scalb(mantissa, -24);
                    case 31 -> mantissa == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
                    default -> Math.scalb(1024 + mantissa, exponent - 25);
                };
        return (bits & 0x8000) == 0 ? magnitude : -magnitude;
    }
}
