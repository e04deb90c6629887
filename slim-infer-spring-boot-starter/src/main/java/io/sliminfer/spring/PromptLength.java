package io.sliminfer.spring;

/** Lengths of prompts in a few classes, so that a metric has few series and a table few rows. */
public enum PromptLength {
    BELOW_1K("<1k", 1 << 10),
    FROM_1K("1k-4k", 4 << 10),
    FROM_4K("4k-16k", 16 << 10),
    FROM_16K("16k-64k", 64 << 10),
    FROM_64K(">64k", Integer.MAX_VALUE);

    private final String label;
    private final int end;

    PromptLength(String label, int end) {
        this.label = label;
        this.end = end;
    }

    /** The class of a prompt: k is 1,024 tokens, and 4,096 tokens are in {@code 4k-16k}. */
    public static PromptLength of(int promptTokens) {
        for (PromptLength length : values()) {
            if (promptTokens < length.end) {
                return length;
            }
        }
        return FROM_64K;
    }

    /** As tables and metrics show it, such as {@code 1k-4k}. */
    public String label() {
        return label;
    }
}
