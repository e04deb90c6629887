package io.sliminfer.benchmarks.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * Memory of this process as Linux counts it. Elsewhere there is no figure: {@code not available}.
 *
 * @param peakResidentBytes most that was resident so far, mapped weights included ({@code VmHWM})
 * @param anonymousBytes    resident now without files: heap, KV cache, activations, converted weights ({@code RssAnon})
 */
public record ProcessMemory(OptionalLong peakResidentBytes, OptionalLong anonymousBytes) {

    public static final String NOT_AVAILABLE = "not available";

    private static final Path STATUS = Path.of("/proc/self/status");

    public static ProcessMemory now() {
        if (!Files.isReadable(STATUS)) {
            return new ProcessMemory(OptionalLong.empty(), OptionalLong.empty());
        }
        try {
            return parse(Files.readString(STATUS));
        } catch (IOException e) {
            return new ProcessMemory(OptionalLong.empty(), OptionalLong.empty());
        }
    }

    static ProcessMemory parse(String status) {
        return new ProcessMemory(field(status, "VmHWM:"), field(status, "RssAnon:"));
    }

    /** Lines read {@code VmHWM:    123456 kB}. */
    private static OptionalLong field(String status, String name) {
        return status.lines()
                .filter(line -> line.startsWith(name))
                .map(line -> line.replaceAll("[^0-9]", ""))
                .filter(digits -> !digits.isEmpty())
                .mapToLong(digits -> Long.parseLong(digits) * 1024)
                .findFirst();
    }

    /** A figure for a line of results: bytes, or the words. */
    public static Object orNotAvailable(OptionalLong bytes) {
        return bytes.isPresent() ? (Object) bytes.getAsLong() : NOT_AVAILABLE;
    }
}
