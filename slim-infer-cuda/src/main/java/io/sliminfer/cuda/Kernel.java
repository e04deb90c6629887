package io.sliminfer.cuda;

/** One entry point. Launched by one thread, the engine's. */
final class Kernel {

    /** The library's arguments, emptied for this kernel. */
    KernelArguments args() {
        throw new UnsupportedOperationException();
    }
}
