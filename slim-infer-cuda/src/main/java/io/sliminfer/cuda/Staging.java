package io.sliminfer.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Small host values on their way to the device: a ring of pinned memory, so that the caller's arrays may be reused at once and
 * nothing waits unless copies are a whole ring behind. Engine thread only.
 */
final class Staging {

    private static final int PARTS = 8;
    private static final int PART_BYTES = 1 << 20;

    private final CudaStream stream;
    private final PinnedMemory memory;
    private final ByteBuffer bytes;
    private final CudaEvent[] left = new CudaEvent[PARTS];
    private int part;
    private int used;

    Staging(CudaContext context, CudaStream stream) {
        this.stream = stream;
        this.memory = context.pinned("staging of small values", (long) PARTS * PART_BYTES);
        this.bytes = memory.buffer(0, PARTS * PART_BYTES).order(ByteOrder.nativeOrder());
        for (int i = 0; i < PARTS; i++) {
            left[i] = context.event(false);
        }
    }

    /** Enqueues the copy of {@code count} ints to a device address. */
    void write(long device, int[] values, int from, int count) {
        for (int done = 0; done < count; ) {
            int next = Math.min(count - done, PART_BYTES / Integer.BYTES);
            int at = take(next * Integer.BYTES);
            bytes.position(at);
            bytes.asIntBuffer().put(values, from + done, next);
            stream.copyToDevice(
                    device + (long) done * Integer.BYTES, memory.address() + at, (long) next * Integer.BYTES);
            done += next;
        }
    }

    /** Enqueues the copy of {@code count} floats to a device address. */
    void write(long device, float[] values, int from, int count) {
        for (int done = 0; done < count; ) {
            int next = Math.min(count - done, PART_BYTES / Float.BYTES);
            int at = take(next * Float.BYTES);
            bytes.position(at);
            bytes.asFloatBuffer().put(values, from + done, next);
            stream.copyToDevice(device + (long) done * Float.BYTES, memory.address() + at, (long) next * Float.BYTES);
            done += next;
        }
    }

    /** Offset of room for so many bytes, at most a part, that no copy reads any more. */
    private int take(int count) {
        if (used + count > PART_BYTES) {
            stream.record(left[part]);
            part = (part + 1) % PARTS;
            left[part].join();
            used = 0;
        }
        int at = part * PART_BYTES + used;
        used += (count + 15) & ~15;
        return at;
    }
}
