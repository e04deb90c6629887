package io.sliminfer.cuda;

import org.jspecify.annotations.Nullable;

/** Working memory of an operation: taken for the sizes that were announced, and grown when larger ones come all the same. */
final class Scratch {

    private final CudaContext context;
    private final CudaStream stream;
    private final KernelArguments arguments;
    private final String name;
    private @Nullable DeviceMemory memory;

    Scratch(CudaContext context, CudaStream stream, KernelArguments arguments, String name) {
        this.context = context;
        this.stream = stream;
        this.arguments = arguments;
        this.name = name;
    }

    /** Address of at least so many bytes. What was there may be gone. */
    long reserve(long bytes) {
        DeviceMemory old = memory;
        if (old != null && old.bytes() >= bytes) {
            return old.address();
        }
        // Launches that are being collected hold the old address: then it is left to the context's end.
        if (old != null && arguments.collecting() == null) {
            stream.synchronize(); // operations that use it may still be queued
            memory = null;
            old.close();
        }
        DeviceMemory taken = context.allocate(name, Math.max(256, bytes));
        memory = taken;
        return taken.address();
    }
}
