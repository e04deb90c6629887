package io.sliminfer.backend.reference;

import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.TensorSource;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A weight as float32 rows. */
record ReferenceWeight(float[][] values, float @Nullable [] bias) implements Weight {

    static ReferenceWeight load(WeightSpec spec) {
        float[][] values = new float[Math.toIntExact(spec.rows())][];
        int row = 0;
        for (TensorSource part : spec.parts()) {
            for (long r = 0; r < part.rows(); r++) {
                values[row++] = row(part, r);
            }
        }
        if (spec.biases().isEmpty()) {
            return new ReferenceWeight(values, null);
        }
        float[] bias = new float[values.length];
        int at = 0;
        for (TensorSource part : spec.biases()) {
            for (float value : row(part, 0)) {
                bias[at++] = value;
            }
        }
        return new ReferenceWeight(values, bias);
    }

    private static float[] row(TensorSource source, long row) {
        ByteBuffer bytes = source.rows(row, row + 1);
        float[] values = new float[Math.toIntExact(source.columns())];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (source.dtype()) {
                case F32 -> bytes.getFloat(4 * i);
                case BF16 -> Float.intBitsToFloat(bytes.getShort(2 * i) << 16);
                case F16 -> f16(bytes.getShort(2 * i));
                case I32 -> throw new IllegalArgumentException(source.name() + ": a weight cannot have dtype I32");
            };
        }
        return values;
    }

    /** IEEE 754 binary16: 1 sign, 5 exponent and 10 mantissa bits. */
    private static float f16(short bits) {
        int exponent = bits >> 10 & 31;
        int mantissa = bits & 0x3ff;
        float magnitude;
        if (exponent == 31) {
            magnitude = mantissa == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
        } else if (exponent == 0) {
            magnitude = Math.scalb((float) mantissa, -24);
        } else {
            magnitude = Math.scalb((float) (1024 + mantissa), exponent - 25);
        }
        return bits < 0 ? -magnitude : magnitude;
    }

    @Override
    public long rows() {
        return values.length;
    }

    @Override
    public long columns() {
        return values[0].length;
    }

    @Override
    public long bytes() {
        return 4 * rows() * columns();
    }
}
