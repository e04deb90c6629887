package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightForm;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.DType;
import io.sliminfer.format.DecodedTensor;
import io.sliminfer.format.HalfFloats;
import io.sliminfer.format.QuantisedTensor;
import io.sliminfer.format.TensorSource;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A weight that stays in its file's mapping; a few rows at a time are converted to float32 where they are used. Only biases and gains,
 * vectors, are copied to the heap.
 */
final class MappedWeight implements Weight {

    private final String name;
    private final List<TensorSource> parts;
    private final long[] firstRows;
    private final long columns;
    private final float @Nullable [] bias;
    private final float @Nullable [] gain;

    MappedWeight(WeightSpec spec) {
        name = spec.name();
        parts = spec.parts();
        columns = spec.columns();
        firstRows = new long[parts.size() + 1];
        for (int i = 0; i < parts.size(); i++) {
            TensorSource part = parts.get(i);
            requireFloats(part);
            if (part.columns() != columns || columns > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(name + ": " + part.name() + " has " + part.columns()
                        + " columns, the first part has " + columns + "; they must be equal and fit an int");
            }
            firstRows[i + 1] = firstRows[i] + part.rows();
        }
        bias = spec.biases().isEmpty() ? null : biases(spec);
        gain = spec.use() == WeightSpec.Use.GAIN ? vector(spec.parts().get(0)) : null;
    }

    /** Copies elements {@code from .. from + count - 1} of a row to {@code to[at ...]} as float32. */
    void unpack(float[] to, int at, long row, int from, int count, short[] scratch) {
        int part = 0;
        while (row >= firstRows[part + 1]) {
            part++;
        }
        TensorSource source = parts.get(part);
        unpack(to, at, source, row - firstRows[part], from, count, scratch);
    }

    private static void unpack(
            float[] to, int at, TensorSource source, long row, int from, int count, short[] scratch) {
        if (source instanceof DecodedTensor decoded) {
            decoded.read(row, from, count, to, at);
            return;
        }
        ByteBuffer bytes = source.rows(row, row + 1);
        if (source.dtype() == DType.F32) {
            bytes.asFloatBuffer().position(from).get(to, at, count);
            return;
        }
        bytes.asShortBuffer().position(from).get(scratch, 0, count);
        if (source.dtype() == DType.BF16) {
            HalfFloats.bf16ToFloat(to, at, scratch, 0, count);
        } else {
            HalfFloats.f16ToFloat(to, at, scratch, 0, count);
        }
    }

    private static float[] biases(WeightSpec spec) {
        float[] all = new float[Math.toIntExact(spec.rows())];
        int at = 0;
        for (int i = 0; i < spec.parts().size(); i++) {
            TensorSource source = spec.biases().get(i);
            requireFloats(source);
            float[] values = vector(source);
            if (values.length != spec.parts().get(i).rows()) {
                throw new IllegalArgumentException(spec.name() + ": bias " + source.name() + " has " + values.length
                        + " elements, its matrix has " + spec.parts().get(i).rows() + " rows");
            }
            System.arraycopy(values, 0, all, at, values.length);
            at += values.length;
        }
        return all;
    }

    private static float[] vector(TensorSource source) {
        int count = Math.toIntExact(source.columns());
        float[] values = new float[count];
        unpack(values, 0, source, 0, 0, count, new short[count]);
        return values;
    }

    private static void requireFloats(TensorSource source) {
        if (source.dtype() == DType.I32) {
            throw new IllegalArgumentException(
                    source.name() + " has dtype I32; weights of this backend are F32, F16 or BF16");
        }
    }

    float @Nullable [] bias() {
        return bias;
    }

    /** The single row of a gain. */
    float[] gain() {
        if (gain == null) {
            throw new IllegalArgumentException(name + " was not loaded as a gain");
        }
        return gain;
    }

    /** The weight of another backend cannot be used here; the message says so instead of a class cast. */
    static MappedWeight of(Weight weight) {
        if (weight instanceof MappedWeight mapped) {
            return mapped;
        }
        throw new IllegalArgumentException("a " + weight.getClass().getSimpleName()
                + " belongs to another backend and cannot be used by this one");
    }

    @Override
    public long rows() {
        return firstRows[parts.size()];
    }

    @Override
    public long columns() {
        return columns;
    }

    @Override
    public long bytes() {
        return parts.stream().mapToLong(MappedWeight::mappedBytes).sum();
    }

    @Override
    public WeightForm form() {
        TensorSource part = parts.get(0);
        return WeightForm.of((part instanceof QuantisedTensor packed ? packed.type() : part.dtype())
                .name()
                .toLowerCase(Locale.ROOT));
    }

    private static long mappedBytes(TensorSource part) {
        return part instanceof DecodedTensor decoded ? decoded.storedBytes() : part.bytes();
    }
}
