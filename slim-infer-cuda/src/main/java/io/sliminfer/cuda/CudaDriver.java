package io.sliminfer.cuda;

/** What the probe asks of NVIDIA's driver; an interface so that machines without a GPU can test the answers. */
interface CudaDriver {

    /** Result of a call that went well. */
    int SUCCESS = 0;

    /** Result of {@link #initialise} where there is a driver but no GPU. */
    int NO_DEVICE = 100;

    /**
     * @return the driver's result code
     * @throws UnsatisfiedLinkError if there is no driver library
     */
    int initialise();

    /** Newest CUDA version that the driver runs, as 1000 * major + 10 * minor. */
    int cudaVersion();

    int deviceCount();

    String deviceName(int device);

    /** Compute capability as 10 * major + minor. */
    int computeCapability(int device);

    long memoryBytes(int device);
}
