package io.sliminfer.cuda;

/** Arguments of the next launch; one object for each library, so that launching leaves no garbage. */
final class KernelArguments {

    KernelArguments pointer(long address) {
        throw new UnsupportedOperationException();
    }

    KernelArguments integer(int value) {
        throw new UnsupportedOperationException();
    }

    KernelArguments wide(long value) {
        throw new UnsupportedOperationException();
    }

    KernelArguments real(float value) {
        throw new UnsupportedOperationException();
    }

    KernelArguments tensorMap(TensorMap map) {
        throw new UnsupportedOperationException();
    }

    void launch(CudaStream stream, int gridX, int gridY, int gridZ, int blockX, int sharedBytes) {
        throw new UnsupportedOperationException();
    }
}
