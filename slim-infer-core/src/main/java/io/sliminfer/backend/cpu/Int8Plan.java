package io.sliminfer.backend.cpu;

import io.sliminfer.backend.WeightForm;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.QuantisedTensor;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * How an {@link Int8Weight} is cut and where its parts go, before any weight is read.
 *
 * @param mapped the weight in its file, for biases and lookups
 * @param padded columns, rounded up to whole blocks
 * @param cuts   panels in order
 * @param layout all that packed bytes depend on beside the weight itself: library, CPU, form of each size of panel
 */
record Int8Plan(WeightSpec spec, MappedWeight mapped, int padded, List<Cut> cuts, String layout) {

    /**
     * A panel.
     *
     * @param outputs rounded up to whole blocks
     * @param offset  of its packed weights among all of them
     * @param bytes   of these
     * @param vector  outputs of the panels before: where its scales and offsets are
     */
    record Cut(int outputs, List<Int8Weight.Segment> segments, long offset, long bytes, long vector) {}

    /** Scale and offset of an output. */
    static final int VECTOR_BYTES = 8;

    /** From the first panel's packed weights to the last one's end. */
    long packedBytes() {
        Cut last = cuts.get(cuts.size() - 1);
        return last.offset + last.bytes;
    }

    /** Of scales and offsets: of each panel first all scales, then all offsets. */
    long vectorBytes() {
        Cut last = cuts.get(cuts.size() - 1);
        return (last.vector + last.outputs) * VECTOR_BYTES;
    }

    /**
     * The panels, with scales and offsets in a memory of {@link #vectorBytes}.
     *
     * @param weights where a panel's packed weights are
     */
    List<Int8Weight.Panel> panels(NativeMemory vectors, ToLongFunction<Cut> weights) {
        List<Int8Weight.Panel> panels = new ArrayList<>();
        for (Cut cut : cuts) {
            long scales = vectors.address() + cut.vector * VECTOR_BYTES;
            panels.add(new Int8Weight.Panel(
                    cut.outputs, weights.applyAsLong(cut), scales, scales + cut.outputs * 4L, cut.segments));
        }
        return List.copyOf(panels);
    }

    Int8Weight weight(Int8Panels panels, WeightForm.Cache cache) {
        MappedWeight lookups = spec.use() == WeightSpec.Use.TABLE ? mapped : null;
        return new Int8Weight(
                spec.name(),
                spec.rows(),
                spec.columns(),
                padded,
                packedBytes() + vectorBytes() + (lookups == null ? 0 : lookups.bytes()),
                panels,
                mapped.bias(),
                lookups,
                cache);
    }

    /** In words: two weights with equal descriptions have the same packed bytes if their values are equal. */
    String describe() {
        StringBuilder text = new StringBuilder("weight ").append(spec.name());
        for (TensorSource part : spec.parts()) {
            text.append("\npart ")
                    .append(part.name())
                    .append(' ')
                    .append(part instanceof QuantisedTensor blocks ? blocks.type() : part.dtype())
                    .append(' ')
                    .append(part.rows())
                    .append(" x ")
                    .append(part.columns());
        }
        text.append("\npadded ").append(padded).append('\n').append(layout);
        for (Cut cut : cuts) {
            text.append("\npanel ").append(cut.outputs).append(" at ").append(cut.offset);
            for (Int8Weight.Segment segment : cut.segments) {
                text.append(' ')
                        .append(segment.local())
                        .append('<')
                        .append(segment.row())
                        .append('+')
                        .append(segment.count());
            }
        }
        return text.toString();
    }
}
