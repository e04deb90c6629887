package io.sliminfer.cuda;

import java.util.Locale;

/**
 * Finds out whether this machine could run on an NVIDIA GPU, in one line for people. Never throws: a probe must not break an
 * application that runs well on its CPU.
 */
public final class CudaProbe {

    /** Oldest GPU generation with bf16 tensor cores (Ampere). */
    private static final int COMPUTE_CAPABILITY_MIN = 80;

    private static final int CUDA_VERSION_MIN = 13_000;

    /**
     * @param complete whether GPU, driver and libraries are all there and new enough
     * @param summary  one line: what is there, or what is missing and how to fix it
     */
    public record Result(boolean complete, String summary) {}

    private final CudaDriver driver;
    private final CudaLibraries libraries;

    CudaProbe(CudaDriver driver, CudaLibraries libraries) {
        this.driver = driver;
        this.libraries = libraries;
    }

    /** Looks at this machine. */
    public static Result ofSystem() {
        return new CudaProbe(new NativeCudaDriver(), CudaLibraries.ofSystem(System.getenv("LD_LIBRARY_PATH"))).run();
    }

    Result run() {
        try {
            return look();
        } catch (LinkageError e) {
            return new Result(
                    false,
                    NativeCudaDriver.LIBRARY
                            + " not found (no NVIDIA driver): install the driver to use a GPU, or remove slim-infer-cuda");
        } catch (RuntimeException e) {
            return new Result(false, "the NVIDIA driver does not answer: " + e.getMessage());
        }
    }

    private Result look() {
        int result = driver.initialise();
        if (result == CudaDriver.NO_DEVICE) {
            return new Result(false, "the NVIDIA driver finds no GPU (is it passed to this container or VM?)");
        }
        if (result != CudaDriver.SUCCESS) {
            return new Result(false, "the NVIDIA driver cannot be initialised: CUDA error " + result);
        }
        if (driver.deviceCount() == 0) {
            return new Result(false, "the NVIDIA driver finds no GPU (is it passed to this container or VM?)");
        }
        int cuda = driver.cudaVersion();
        int capability = driver.computeCapability(0);
        String device = String.format(
                Locale.ROOT,
                "%s (compute capability %d.%d, %d GiB, driver for CUDA %d.%d)",
                driver.deviceName(0),
                capability / 10,
                capability % 10,
                driver.memoryBytes(0) >> 30,
                cuda / 1000,
                cuda % 1000 / 10);
        if (capability < COMPUTE_CAPABILITY_MIN) {
            return new Result(false, device + " is too old: compute capability 8.0 (Ampere) or newer is needed");
        }
        if (cuda < CUDA_VERSION_MIN) {
            return new Result(false, device + ": the driver is too old, one for CUDA 13.0 or newer is needed");
        }
        if (!libraries.missing().isEmpty()) {
            return new Result(false, device + ": " + String.join(", ", libraries.missing()) + libraries.remedy());
        }
        return new Result(
                true,
                device + ", CUDA libraries in "
                        + libraries.find(CudaLibraries.RUNTIME).orElseThrow().place());
    }
}
