package io.sliminfer.cuda;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The fastest algorithm of each shape that was measured, on disk for the next start: a line for each, shape and the library's own
 * opaque words in hex. An algorithm means something only to the library version that chose it, so all of the machine that matters is
 * in the file's name. Engine thread only; processes that save at the same time may lose each other's newest lines, which costs a
 * measurement.
 */
final class GemmAlgorithms {

    /** Words of a {@code cublasLtMatmulAlgo_t}. */
    static final int WORDS = 8;

    private static final int HEX_DIGITS = WORDS * Long.BYTES * 2;
    private static final int NAME_DIGITS = 16;

    private static final Logger log = LoggerFactory.getLogger(GemmAlgorithms.class);

    private final DiskCache cache;
    private final String identity;
    private final String file;
    private final Map<String, long[]> algorithms = new TreeMap<>();

    /**
     * @param identity GPU, driver and library
     */
    GemmAlgorithms(DiskCache cache, String identity) {
        this.cache = cache;
        this.identity = identity;
        this.file = "gemm-"
                + HexFormat.of()
                        .formatHex(DiskCache.sha256().digest(identity.getBytes(StandardCharsets.UTF_8)))
                        .substring(0, NAME_DIGITS)
                + ".txt";
        load();
    }

    String file() {
        return file;
    }

    private void load() {
        byte[] content = cache.read(file);
        if (content == null) {
            return;
        }
        String[] lines = new String(content, StandardCharsets.UTF_8).split("\n");
        if (!lines[0].equals(identity)) {
            log.warn("{} is of {}, not of {}: not used", file, lines[0], identity);
            return;
        }
        for (int i = 1; i < lines.length; i++) {
            int space = lines[i].indexOf(' ');
            long[] words = space < 0 ? null : words(lines[i].substring(space + 1));
            if (words == null) {
                log.warn("{}, line {} is no algorithm: not used", file, i + 1);
            } else {
                algorithms.putIfAbsent(lines[i].substring(0, space), words);
            }
        }
    }

    private static long @Nullable [] words(String hex) {
        if (hex.length() != HEX_DIGITS) {
            return null;
        }
        long[] words = new long[WORDS];
        try {
            for (int i = 0; i < WORDS; i++) {
                words[i] = HexFormat.fromHexDigitsToLong(hex, i * Long.BYTES * 2, (i + 1) * Long.BYTES * 2);
            }
        } catch (IllegalArgumentException e) {
            return null;
        }
        return words;
    }

    long @Nullable [] get(GemmShape shape) {
        return algorithms.get(shape.text());
    }

    void put(GemmShape shape, long[] algorithm) {
        if (algorithm.length != WORDS) {
            throw new IllegalArgumentException("an algorithm has " + WORDS + " words, not " + algorithm.length);
        }
        algorithms.put(shape.text(), algorithm.clone());
    }

    /** Writes all, with what other processes have added since. */
    void save() {
        load();
        StringBuilder text = new StringBuilder(identity);
        HexFormat hex = HexFormat.of();
        algorithms.forEach((shape, words) -> {
            text.append('\n').append(shape).append(' ');
            for (long word : words) {
                text.append(hex.toHexDigits(word));
            }
        });
        cache.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
    }
}
