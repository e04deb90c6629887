package io.sliminfer.cuda;

/** Loads NVIDIA's libraries so that JavaCPP's bindings find them by name. */
final class CudaNatives {

    private CudaNatives() {}

    static void load(CudaLibraries libraries) {
        throw new UnsupportedOperationException();
    }
}
