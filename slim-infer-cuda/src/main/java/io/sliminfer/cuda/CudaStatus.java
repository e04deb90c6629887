package io.sliminfer.cuda;

import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Turns result codes into exceptions, and remembers the first failure that cost the context: every later call would fail too, with
 * an error that hides where it began. Thread-safe; leaves no garbage where all is well.
 */
final class CudaStatus {

    private final IntFunction<String> describe;
    private volatile @Nullable CudaException lost;

    /**
     * @param describe name and text of an error code
     */
    CudaStatus(IntFunction<String> describe) {
        this.describe = describe;
    }

    /**
     * Called before a call into CUDA.
     *
     * @throws CudaException if the context is lost; its cause is the failure that lost it
     */
    void requireAlive(String call) {
        CudaException first = lost;
        if (first != null) {
            throw new CudaException(
                    call + " was not tried: the GPU's context was lost (" + first.getMessage()
                            + "). Restart the process to use the GPU again.",
                    first);
        }
    }

    boolean isLost() {
        return lost != null;
    }

    /** Called with the result of a call of the runtime or the driver; their codes are the same. */
    void check(int code, String call) {
        if (code != 0) {
            throw failure(code, call, "");
        }
    }

    /**
     * The exception for a code, kept if it is sticky.
     *
     * @param details what the call was about, or empty
     */
    CudaException failure(int code, String call, String details) {
        CudaException failure = new CudaException(
                call + " failed: " + describe.apply(code) + (details.isEmpty() ? "" : "; " + details), code);
        if (failure.sticky()) {
            synchronized (this) {
                if (lost == null) {
                    lost = failure;
                }
            }
        }
        return failure;
    }
}
