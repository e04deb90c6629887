package io.sliminfer.benchmarks.cuda;

/**
 * Size of a part of the KV cache.
 *
 * @param kind  how it is found
 * @param bytes of {@link Kind#BYTES}
 */
record KvSize(Kind kind, long bytes) {

    enum Kind {
        /** What the largest prompt of the run needs with its answer. */
        FIT,
        /** On the device what weights and workspace leave; behind it nothing. */
        REST,
        BYTES
    }

    /**
     * @param rest the word for {@link Kind#REST}
     * @throws IllegalArgumentException if it is neither a word nor a size
     */
    static KvSize parse(String text, String rest) {
        if (text.equals("fit")) {
            return new KvSize(Kind.FIT, 0);
        }
        if (text.equals(rest)) {
            return new KvSize(Kind.REST, 0);
        }
        long bytes = ByteSize.parse(text);
        if (bytes == 0) {
            throw new IllegalArgumentException("0 bytes are of no use: use fit, " + rest + " or a size");
        }
        return new KvSize(Kind.BYTES, bytes);
    }

    /** As {@link io.sliminfer.engine.KvSettings} takes it: 0 for the rest. */
    long bytes(long fitting) {
        return switch (kind) {
            case FIT -> fitting;
            case REST -> 0;
            case BYTES -> bytes;
        };
    }
}
