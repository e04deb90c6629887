package io.sliminfer.backend.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Zeroed memory outside the heap, 64-byte aligned, readable from Java in bulk. Untouched pages cost nothing on systems that
 * commit memory on first use.
 *
 * <p>Offsets are in elements of the type read or written. Java's buffers end at 2 GiB, so larger memory is seen through several
 * and a run of elements may cross from one to the next.
 */
final class NativeMemory implements AutoCloseable {

    private static final int ALIGNMENT = 64;
    private static final int WINDOW_SHIFT = 30;
    private static final long WINDOW_BYTES = 1L << WINDOW_SHIFT;

    private final long bytes;
    private final long address;
    private final Pointer allocation;
    private final FloatBuffer[] floats;
    private final IntBuffer[] ints;
    private final ShortBuffer[] shorts;
    private final ByteBuffer[] windows;
    private boolean closed;

    NativeMemory(String name, long bytes) {
        this.bytes = bytes;
        // Zeroing by calloc leaves fresh pages untouched, so a large KV pool is resident only as far as it is used.
        Pointer memory = Pointer.calloc(bytes + ALIGNMENT, 1);
        if (memory == null || memory.isNull()) {
            throw new IllegalStateException(
                    "no memory for " + name + ": " + (bytes >> 20) + " MiB could not be allocated");
        }
        this.allocation = memory;
        this.address = (memory.address() + ALIGNMENT - 1) & -ALIGNMENT;
        int count = (int) ((bytes + WINDOW_BYTES - 1) >> WINDOW_SHIFT);
        floats = new FloatBuffer[count];
        ints = new IntBuffer[count];
        shorts = new ShortBuffer[count];
        windows = new ByteBuffer[count];
        for (int i = 0; i < count; i++) {
            long from = (long) i << WINDOW_SHIFT;
            ByteBuffer window = view(address + from, Math.min(WINDOW_BYTES, bytes - from));
            floats[i] = window.asFloatBuffer();
            ints[i] = window.asIntBuffer();
            shorts[i] = window.asShortBuffer();
            windows[i] = window;
        }
    }

    /** A buffer over native memory that the caller keeps alive. */
    static ByteBuffer view(long address, long bytes) {
        BytePointer pointer = new BytePointer(new Address(address));
        pointer.capacity(bytes);
        return pointer.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    long address() {
        return address;
    }

    long bytes() {
        return bytes;
    }

    void read(long element, float[] to, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> (WINDOW_SHIFT - 2));
            int index = (int) (at & (WINDOW_BYTES / 4 - 1));
            int length = Math.min(count - done, floats[window].capacity() - index);
            floats[window].get(index, to, offset + done, length);
            done += length;
        }
    }

    void write(long element, float[] from, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> (WINDOW_SHIFT - 2));
            int index = (int) (at & (WINDOW_BYTES / 4 - 1));
            int length = Math.min(count - done, floats[window].capacity() - index);
            floats[window].put(index, from, offset + done, length);
            done += length;
        }
    }

    void read(long element, int[] to, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> (WINDOW_SHIFT - 2));
            int index = (int) (at & (WINDOW_BYTES / 4 - 1));
            int length = Math.min(count - done, ints[window].capacity() - index);
            ints[window].get(index, to, offset + done, length);
            done += length;
        }
    }

    void write(long element, int[] from, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> (WINDOW_SHIFT - 2));
            int index = (int) (at & (WINDOW_BYTES / 4 - 1));
            int length = Math.min(count - done, ints[window].capacity() - index);
            ints[window].put(index, from, offset + done, length);
            done += length;
        }
    }

    void read(long element, short[] to, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> (WINDOW_SHIFT - 1));
            int index = (int) (at & (WINDOW_BYTES / 2 - 1));
            int length = Math.min(count - done, shorts[window].capacity() - index);
            shorts[window].get(index, to, offset + done, length);
            done += length;
        }
    }

    void write(long element, short[] from, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> (WINDOW_SHIFT - 1));
            int index = (int) (at & (WINDOW_BYTES / 2 - 1));
            int length = Math.min(count - done, shorts[window].capacity() - index);
            shorts[window].put(index, from, offset + done, length);
            done += length;
        }
    }

    void read(long element, byte[] to, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> WINDOW_SHIFT);
            int index = (int) (at & (WINDOW_BYTES - 1));
            int length = Math.min(count - done, windows[window].capacity() - index);
            windows[window].get(index, to, offset + done, length);
            done += length;
        }
    }

    void write(long element, byte[] from, int offset, int count) {
        for (int done = 0; done < count; ) {
            long at = element + done;
            int window = (int) (at >> WINDOW_SHIFT);
            int index = (int) (at & (WINDOW_BYTES - 1));
            int length = Math.min(count - done, windows[window].capacity() - index);
            windows[window].put(index, from, offset + done, length);
            done += length;
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Pointer.free(allocation);
        }
    }

    /** A pointer to a given address, which JavaCPP neither frees nor counts. */
    static final class Address extends Pointer {
        Address(long address) {
            super((Pointer) null);
            this.address = address;
        }

        /** Points elsewhere: hot paths move one object instead of making many. */
        Address at(long to) {
            this.address = to;
            return this;
        }
    }
}
