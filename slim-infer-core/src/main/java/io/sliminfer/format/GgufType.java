package io.sliminfer.format;

import org.jspecify.annotations.Nullable;

/**
 * Types of tensors in GGUF files that can be read, with ggml's numbers (ggml.h) and block layouts (ggml-common.h). Rows are
 * whole blocks.
 */
public enum GgufType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 2 + 16),
    Q4_1(3, 32, 2 + 2 + 16),
    Q5_0(6, 32, 2 + 4 + 16),
    Q5_1(7, 32, 2 + 2 + 4 + 16),
    Q8_0(8, 32, 2 + 32),
    Q4_K(12, 256, 2 + 2 + 12 + 128),
    Q5_K(13, 256, 2 + 2 + 12 + 32 + 128),
    Q6_K(14, 256, 128 + 64 + 16 + 2),
    BF16(30, 1, 2);

    /** Names of types that are refused, by number; null where ggml has none. */
    private static final @Nullable String[] OTHERS = {
        null,
        null,
        null,
        null,
        "Q4_2",
        "Q4_3",
        null,
        null,
        null,
        "Q8_1",
        "Q2_K",
        "Q3_K",
        null,
        null,
        null,
        "Q8_K",
        "IQ2_XXS",
        "IQ2_XS",
        "IQ3_XXS",
        "IQ1_S",
        "IQ4_NL",
        "IQ3_S",
        "IQ2_S",
        "IQ4_XS",
        "I8",
        "I16",
        "I32",
        "I64",
        "F64",
        "IQ1_M",
        null,
        "Q4_0_4_4",
        "Q4_0_4_8",
        "Q4_0_8_8",
        "TQ1_0",
        "TQ2_0",
        null,
        null,
        null,
        "MXFP4",
        "NVFP4"
    };

    final int number;
    /** Elements of a block. */
    final int elements;
    /** Bytes of a block. */
    final int bytes;

    GgufType(int number, int elements, int bytes) {
        this.number = number;
        this.elements = elements;
        this.bytes = bytes;
    }

    static @Nullable GgufType of(int number) {
        for (GgufType type : values()) {
            if (type.number == number) {
                return type;
            }
        }
        return null;
    }

    static String nameOf(int number) {
        GgufType type = of(number);
        String other = number >= 0 && number < OTHERS.length ? OTHERS[number] : null;
        return type != null ? type.name() : other != null ? other : "number " + number;
    }

    /** Elements of a block; rows are whole blocks. */
    public int blockElements() {
        return elements;
    }

    /** Bytes of a block. */
    public int blockBytes() {
        return bytes;
    }

    /** Whether a block is more than one number as it is. */
    public boolean isQuantised() {
        return elements > 1;
    }

    /** The type of the elements in memory: their own, and float32 of quantised ones. */
    DType dtype() {
        return switch (this) {
            case F16 -> DType.F16;
            case BF16 -> DType.BF16;
            default -> DType.F32;
        };
    }
}
