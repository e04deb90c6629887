package io.sliminfer.cuda;

import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/** Memory of the GPU, 256-byte aligned, its content undefined at first. Freed by {@link #close} or with its context. */
final class DeviceMemory implements AutoCloseable {

    private final CudaContext context;
    private final String name;
    private final Pointer pointer;
    private final long address;
    private final long bytes;
    private boolean closed;

    DeviceMemory(CudaContext context, String name, Pointer pointer, long bytes) {
        this.context = context;
        this.name = name;
        this.pointer = pointer;
        this.address = pointer.address();
        this.bytes = bytes;
    }

    long address() {
        return address;
    }

    long bytes() {
        return bytes;
    }

    /** What it is for, in messages. */
    String name() {
        return name;
    }

    /** Waits for the whole device, as freeing does. May be called twice. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            context.released(this, bytes);
            context.free(() -> cudart.cudaFree(pointer), "cudaFree of " + name);
        }
    }
}
