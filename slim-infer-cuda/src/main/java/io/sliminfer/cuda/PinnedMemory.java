package io.sliminfer.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Page-locked memory of the host: copies from and to it run beside compute at the bus's speed, and kernels can reach it. Either our
 * own, or somebody else's that was locked ({@link CudaContext#register}) and is only unlocked at close.
 */
final class PinnedMemory implements AutoCloseable {

    private final CudaContext context;
    private final String name;
    private final Pointer pointer;
    private final long address;
    private final long deviceAddress;
    private final long bytes;
    private final boolean owned;
    private boolean closed;

    /**
     * @param deviceAddress where kernels find it, 0 if it is not page-locked
     */
    PinnedMemory(CudaContext context, String name, Pointer pointer, long deviceAddress, long bytes, boolean owned) {
        this.context = context;
        this.name = name;
        this.pointer = pointer;
        this.address = pointer.address();
        this.deviceAddress = deviceAddress;
        this.bytes = bytes;
        this.owned = owned;
    }

    long address() {
        return address;
    }

    /** Where kernels reach the memory. */
    long deviceAddress() {
        if (!isPinned()) {
            throw new IllegalStateException(name + " is not page-locked, so kernels cannot reach it");
        }
        return deviceAddress;
    }

    long bytes() {
        return bytes;
    }

    String name() {
        return name;
    }

    /** Whether it really is page-locked: a mapped file can be refused. Copies work without, in the caller's time. */
    boolean isPinned() {
        return deviceAddress != 0;
    }

    /** A view in native byte order, to be made once and kept; invalid after {@link #close}. */
    ByteBuffer buffer(long offset, int length) {
        if (offset < 0 || length < 0 || offset + length > bytes) {
            throw new IllegalArgumentException(
                    name + " has " + bytes + " bytes; " + length + " from " + offset + " on were asked for");
        }
        BytePointer view = new BytePointer(new CudaAddress(address + offset));
        view.capacity(length);
        return view.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        context.released(this, 0);
        if (owned) {
            context.free(() -> cudart.cudaFreeHost(pointer), "cudaFreeHost of " + name);
        } else if (isPinned()) {
            context.free(() -> cudart.cudaHostUnregister(pointer), "cudaHostUnregister of " + name);
        }
    }
}
