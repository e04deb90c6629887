package io.sliminfer.backend.cpu;

import io.sliminfer.format.ChannelQuantiser.Loss;
import io.sliminfer.format.MappedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.jspecify.annotations.Nullable;

/**
 * One packed weight as a file:
 *
 * <pre>
 * magic           8 bytes, "SLIMINT8"
 * version         int32
 * length          int32, of the description
 * description     UTF-8: the model's key, the weight, and everything that packed bytes depend on
 * error, signal   float64: what quantising lost
 * vectors         of each panel its scales, then its offsets, float32
 * (zeros to the next multiple of 4096)
 * packed weights  of each panel, at the offsets of the plan
 * </pre>
 *
 * Integers and float64 are little-endian, the rest is as the CPU has it (the description says how). A weight that loses too much ends
 * after its loss.
 *
 * <p>No position or size is ever taken from a file: all of them follow from the plan, and what is in the file up to the loss must be,
 * byte by byte, what this process would write.
 */
final class Int8CacheFile {

    private static final byte[] MAGIC = "SLIMINT8".getBytes(StandardCharsets.US_ASCII);

    /** To be raised when this form changes, or what {@link Int8Packer} makes of a weight. */
    private static final int VERSION = 1;

    private static final int LOSS_BYTES = 16;

    /** Packed weights begin at a page. */
    private static final int ALIGNMENT = 4096;

    private final Int8Plan plan;
    private final byte[] head;

    /**
     * @param model key of the model that the weight is of
     */
    Int8CacheFile(String model, Int8Plan plan) {
        this.plan = plan;
        byte[] description = ("model " + model + "\n" + plan.describe()).getBytes(StandardCharsets.UTF_8);
        head = littleEndian(MAGIC.length + 8 + description.length)
                .put(MAGIC)
                .putInt(VERSION)
                .putInt(description.length)
                .put(description)
                .array();
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private long vectorsStart() {
        return head.length + LOSS_BYTES;
    }

    private long packedStart() {
        return (vectorsStart() + plan.vectorBytes() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    private long fullSize() {
        return packedStart() + plan.packedBytes();
    }

    /**
     * The panels in the file's mapping, or null if it is not what this process would write.
     *
     * @param memory owns scales and offsets, which are copied
     * @throws java.io.UncheckedIOException if the file cannot be read or mapped
     */
    @Nullable
    Int8Panels read(MappedFile file, Int8Packer.Memory memory) {
        if (file.size() != fullSize() && file.size() != vectorsStart()) {
            return null;
        }
        ByteBuffer start = littleEndian((int) vectorsStart());
        file.read(0, start);
        start.flip().limit(head.length);
        if (!start.equals(ByteBuffer.wrap(head))) {
            return null;
        }
        start.limit(start.capacity()).position(head.length);
        Loss loss = new Loss(start.getDouble(), start.getDouble());
        if (!isPossible(loss)) {
            return null;
        }
        Int8Panels rejected = new Int8Panels(List.of(), loss, List.of());
        boolean hasPanels = file.size() == fullSize();
        if (rejected.losesTooMuch() == hasPanels) {
            return null;
        }
        return hasPanels ? mapped(file, loss, memory) : rejected;
    }

    private static boolean isPossible(Loss loss) {
        return loss.error() >= 0
                && loss.signal() >= 0
                && loss.error() <= Double.MAX_VALUE
                && loss.signal() <= Double.MAX_VALUE;
    }

    private Int8Panels mapped(MappedFile file, Loss loss, Int8Packer.Memory memory) {
        NativeMemory vectors = memory.take(plan.spec().name(), plan.vectorBytes());
        file.read(vectorsStart(), NativeMemory.view(vectors.address(), vectors.bytes()));
        List<ByteBuffer> mappings = new ArrayList<>();
        List<Int8Weight.Panel> panels = plan.panels(vectors, cut -> {
            ByteBuffer view = file.view(packedStart() + cut.offset(), Math.toIntExact(cut.bytes()));
            mappings.add(view);
            return new BytePointer(view).address();
        });
        return new Int8Panels(panels, loss, List.copyOf(mappings));
    }

    /** Writes all of the file; of a weight that loses too much the loss alone. */
    void write(FileChannel channel, Int8Panels made) throws IOException {
        ByteBuffer start = littleEndian((int) vectorsStart())
                .put(head)
                .putDouble(made.loss().error())
                .putDouble(made.loss().signal())
                .flip();
        write(channel, start, 0);
        if (made.losesTooMuch()) {
            return;
        }
        for (int i = 0; i < plan.cuts().size(); i++) {
            Int8Plan.Cut cut = plan.cuts().get(i);
            Int8Weight.Panel panel = made.panels().get(i);
            ByteBuffer vectors = NativeMemory.view(panel.scales(), (long) cut.outputs() * Int8Plan.VECTOR_BYTES);
            write(channel, vectors, vectorsStart() + cut.vector() * Int8Plan.VECTOR_BYTES);
            write(channel, NativeMemory.view(panel.weights(), cut.bytes()), packedStart() + cut.offset());
        }
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }
}
