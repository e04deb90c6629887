package io.sliminfer.spring.autoconfigure;

import io.sliminfer.format.DType;
import org.jspecify.annotations.Nullable;

/** Values of {@code slim-infer.compute-type}: the type that activations have. */
public enum ComputeType {
    /** What the device is best at. */
    AUTO(null),
    /** 32-bit floating point. */
    F32(DType.F32),
    /** 16-bit floating point; GPUs only. */
    F16(DType.F16),
    /** 16-bit brain floating point: half the memory and more speed where the device has instructions for it. */
    BF16(DType.BF16);

    private final @Nullable DType dtype;

    ComputeType(@Nullable DType dtype) {
        this.dtype = dtype;
    }

    /** The engine's type, or null for its own choice. */
    @Nullable
    DType dtype() {
        return dtype;
    }
}
