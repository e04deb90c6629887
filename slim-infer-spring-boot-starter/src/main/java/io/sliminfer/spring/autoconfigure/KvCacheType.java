package io.sliminfer.spring.autoconfigure;

import io.sliminfer.backend.KvType;
import org.jspecify.annotations.Nullable;

/** Values of {@code slim-infer.kv-cache.type}: how keys and values are stored. */
public enum KvCacheType {
    /** As activations are. */
    AUTO(null),
    /** 32-bit floating point. */
    F32(KvType.F32),
    /** 16-bit floating point with 11 bits of precision and a range of 65,504. */
    F16(KvType.F16),
    /** 16-bit floating point with 8 bits of precision and the range of f32. */
    BF16(KvType.BF16),
    /** 8-bit integers with a scale for each KV head and block. */
    INT8(KvType.INT8);

    private final @Nullable KvType type;

    KvCacheType(@Nullable KvType type) {
        this.type = type;
    }

    /** The engine's type, or null for its own choice. */
    @Nullable
    KvType type() {
        return type;
    }
}
