package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes blocks of GGUF's types for tests: nearest values with plain scales, without the searches that ggml does. */
public final class GgufQuantizer {

    private GgufQuantizer() {}

    /** @param values whole blocks */
    static byte[] encode(GgufType type, float... values) {
        ByteBuffer out =
                ByteBuffer.allocate(values.length / type.elements * type.bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int from = 0; from < values.length; from += type.elements) {
            switch (type) {
                case F32 -> out.putFloat(values[from]);
                case F16 -> out.putShort(HalfFloats.floatToF16(values[from]));
                case BF16 -> out.putShort(HalfFloats.floatToBf16(values[from]));
                case Q4_0 -> offset(out, values, from, 4);
                case Q5_0 -> offset(out, values, from, 5);
                case Q4_1 -> minimum(out, values, from, 4);
                case Q5_1 -> minimum(out, values, from, 5);
                case Q8_0 -> q8(out, values, from);
                case Q4_K -> superBlock(out, values, from, 4);
                case Q5_K -> superBlock(out, values, from, 5);
                case Q6_K -> q6k(out, values, from);
            }
        }
        return out.array();
    }

    private static float half(ByteBuffer out, float value) {
        short bits = HalfFloats.floatToF16(value);
        out.putShort(bits);
        return HalfFloats.f16ToFloat(bits);
    }

    private static int level(float value, float scale, int min, int max) {
        return scale == 0 ? Math.max(0, min) : Math.max(min, Math.min(max, Math.round(value / scale)));
    }

    private static void q8(ByteBuffer out, float[] values, int from) {
        float largest = 0;
        for (int i = 0; i < 32; i++) {
            largest = Math.max(largest, Math.abs(values[from + i]));
        }
        float d = half(out, largest / 127);
        for (int i = 0; i < 32; i++) {
            out.put((byte) level(values[from + i], d, -128, 127));
        }
    }

    private static void offset(ByteBuffer out, float[] values, int from, int bits) {
        float extreme = 0;
        for (int i = 0; i < 32; i++) {
            extreme = Math.abs(values[from + i]) > Math.abs(extreme) ? values[from + i] : extreme;
        }
        int middle = 1 << bits - 1;
        float d = half(out, extreme / -middle);
        int[] levels = new int[32];
        for (int i = 0; i < 32; i++) {
            levels[i] = level(values[from + i], d, -middle, middle - 1) + middle;
        }
        put(out, levels, bits);
    }

    private static void minimum(ByteBuffer out, float[] values, int from, int bits) {
        float min = Float.MAX_VALUE;
        float max = -Float.MAX_VALUE;
        for (int i = 0; i < 32; i++) {
            min = Math.min(min, values[from + i]);
            max = Math.max(max, values[from + i]);
        }
        int top = (1 << bits) - 1;
        float d = half(out, (max - min) / top);
        float m = half(out, min);
        int[] levels = new int[32];
        for (int i = 0; i < 32; i++) {
            levels[i] = level(values[from + i] - m, d, 0, top);
        }
        put(out, levels, bits);
    }

    private static void put(ByteBuffer out, int[] levels, int bits) {
        if (bits == 5) {
            int high = 0;
            for (int i = 0; i < 32; i++) {
                high |= (levels[i] >> 4) << i;
            }
            out.putInt(high);
        }
        for (int i = 0; i < 16; i++) {
            out.put((byte) (levels[i] & 15 | (levels[i + 16] & 15) << 4));
        }
    }

    private static void superBlock(ByteBuffer out, float[] values, int from, int bits) {
        int top = (1 << bits) - 1;
        float[] scales = new float[8];
        float[] mins = new float[8];
        float scaleMax = 0;
        float minMax = 0;
        for (int sub = 0; sub < 8; sub++) {
            float min = 0;
            float max = 0;
            for (int i = 0; i < 32; i++) {
                min = Math.min(min, values[from + 32 * sub + i]);
                max = Math.max(max, values[from + 32 * sub + i]);
            }
            scales[sub] = (max - min) / top;
            mins[sub] = -min;
            scaleMax = Math.max(scaleMax, scales[sub]);
            minMax = Math.max(minMax, mins[sub]);
        }
        float d = half(out, scaleMax / 63);
        float dmin = half(out, minMax / 63);
        byte[] packed = new byte[12];
        int[] levels = new int[256];
        for (int sub = 0; sub < 8; sub++) {
            int scale = level(scales[sub], d, 0, 63);
            int min = level(mins[sub], dmin, 0, 63);
            if (sub < 4) {
                packed[sub] |= (byte) scale;
                packed[sub + 4] |= (byte) min;
            } else {
                packed[sub + 4] = (byte) (scale & 15 | (min & 15) << 4);
                packed[sub - 4] |= (byte) (scale >> 4 << 6);
                packed[sub] |= (byte) (min >> 4 << 6);
            }
            for (int i = 0; i < 32; i++) {
                levels[32 * sub + i] = level(values[from + 32 * sub + i] + dmin * min, d * scale, 0, top);
            }
        }
        out.put(packed);
        if (bits == 5) {
            for (int i = 0; i < 32; i++) {
                int high = 0;
                for (int sub = 0; sub < 8; sub++) {
                    high |= (levels[32 * sub + i] >> 4) << sub;
                }
                out.put((byte) high);
            }
        }
        for (int pair = 0; pair < 4; pair++) {
            for (int i = 0; i < 32; i++) {
                out.put((byte) (levels[64 * pair + i] & 15 | (levels[64 * pair + 32 + i] & 15) << 4));
            }
        }
    }

    private static void q6k(ByteBuffer out, float[] values, int from) {
        float[] scales = new float[16];
        float largest = 0;
        for (int sub = 0; sub < 16; sub++) {
            for (int i = 0; i < 16; i++) {
                scales[sub] = Math.max(scales[sub], Math.abs(values[from + 16 * sub + i]) / 31);
            }
            largest = Math.max(largest, scales[sub]);
        }
        short d = HalfFloats.floatToF16(largest / 127);
        byte[] low = new byte[128];
        byte[] high = new byte[64];
        byte[] packed = new byte[16];
        for (int sub = 0; sub < 16; sub++) {
            packed[sub] = (byte) level(scales[sub], HalfFloats.f16ToFloat(d), 0, 127);
        }
        for (int i = 0; i < 256; i++) {
            float scale = HalfFloats.f16ToFloat(d) * packed[i / 16];
            int level = level(values[from + i], scale, -32, 31) + 32;
            int half = i / 128;
            int quarter = i % 128 / 32;
            int at = i % 32;
            low[64 * half + 32 * (quarter % 2) + at] |= (byte) ((level & 15) << 4 * (quarter / 2));
            high[32 * half + at] |= (byte) (level >> 4 << 2 * quarter);
        }
        out.put(low).put(high).put(packed).putShort(d);
    }
}
