package io.sliminfer.cuda;

import io.sliminfer.backend.DeviceException;

/** A call into CUDA that failed. */
public final class CudaException extends DeviceException {

    private static final long serialVersionUID = 1L;

    private static final int OUT_OF_MEMORY = 2;

    private final int code;

    CudaException(String message, int code) {
        super(message);
        this.code = code;
    }

    /** A call that was not made because of an earlier failure, which is the cause. */
    CudaException(String message, CudaException first) {
        super(message);
        initCause(first);
        this.code = first.code;
    }

    /** Number of CUDA's {@code cudaError_t}; 0 where a library failed without one. */
    public int code() {
        return code;
    }

    /** Whether memory of the GPU or page-locked memory ran out: less of it may work. */
    public boolean outOfMemory() {
        return code == OUT_OF_MEMORY;
    }

    /** Whether the GPU's context is lost, with all that lay in it, for as long as this process lives. */
    public boolean sticky() {
        return sticky(code);
    }

    @Override
    public boolean deviceLost() {
        return sticky();
    }

    static boolean sticky(int code) {
        return switch (code) {
            case 4, // driver shutting down
                    53, // prior launch failure
                    214, // uncorrectable ECC error
                    220, // uncorrectable NVLink error
                    226, // contained error
                    700, // illegal address
                    702, // launch timeout
                    709, // context destroyed
                    710, // device assert
                    714, // hardware stack error
                    715, // illegal instruction
                    716, // misaligned address
                    717, // invalid address space
                    718, // invalid program counter
                    719, // launch failure
                    721, // tensor memory leak
                    810, // MPS client terminated
                    999 -> // unknown: the driver itself no longer answers in order
                true;
            default -> false;
        };
    }
}
