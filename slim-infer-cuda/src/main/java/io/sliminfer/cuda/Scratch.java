package io.sliminfer.cuda;

import org.jspecify.annotations.Nullable;

/** Working memory of an operation: taken for the sizes that were announced, and grown when larger ones come all the same. */
final class Scratch {

    private final CudaContext context;
    private final CudaStream stream;
    private final String name;
    private @Nullable DeviceMemory memory;

    Scratch(CudaContext context, CudaStream stream, String name) {
        this.context = context;
        this.stream = stream;
        this.name = name;
    }

    /** Address of at least so many bytes. What was there may be gone. */
    long reserve(long bytes) {
        DeviceMemory old = memory;
        if (old != null && old.bytes() >= bytes) {
            return old.address();
        }
        if (old != null) {
            stream.synchronize(); // operations that use it may still be queued
            memory = null;
            old.close();
        }
        DeviceMemory taken = context.allocate(name, Math.max(256, bytes));
        memory = taken;
        return taken.address();
    }
}
