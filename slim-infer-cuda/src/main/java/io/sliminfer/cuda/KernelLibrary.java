package io.sliminfer.cuda;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;

/** Our kernels, compiled for one GPU. */
final class KernelLibrary implements AutoCloseable {

    record Request(String file, Map<String, Integer> defines) {}

    /**
     * @param cache folder of SlimInfer's caches; cubins go to {@code cuda-kernels} in it
     */
    KernelLibrary(CudaContext context, Path cache) {}

    Kernel kernel(String file, String entry, Map<String, Integer> defines) {
        throw new UnsupportedOperationException();
    }

    void prepare(Collection<Request> requests) {
        throw new UnsupportedOperationException();
    }

    long compileNanos() {
        throw new UnsupportedOperationException();
    }

    long loadNanos() {
        throw new UnsupportedOperationException();
    }

    int compiled() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
