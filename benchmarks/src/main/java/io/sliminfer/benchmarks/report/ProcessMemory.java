package io.sliminfer.benchmarks.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * Memory of this process as Linux counts it. Elsewhere there is no figure: {@code not available}.
 *
 * @param peakResidentBytes most that was resident since the start or {@link #resetPeak}, mapped weights included
 *                          ({@code VmHWM})
 * @param anonymousBytes    resident now without files: heap, KV cache, activations, converted weights ({@code RssAnon})
 */
public record ProcessMemory(OptionalLong peakResidentBytes, OptionalLong anonymousBytes) {

    public static final String NOT_AVAILABLE = "not available";

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path IO = Path.of("/proc/self/io");

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

    /**
     * Lets the peak count from what is resident now, so that it belongs to what runs next.
     *
     * @return whether the system did it; else the peak counts from the start of the process
     */
    public static boolean resetPeak() {
        try {
            // 5 resets VmHWM and nothing else (proc(5)).
            Files.writeString(Path.of("/proc/self/clear_refs"), "5", java.nio.file.StandardOpenOption.WRITE);
            return true;
        } catch (IOException | RuntimeException e) {
            return false;
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

    /** Bytes that this process has had read from disks since its start: what the page cache had not. */
    public static OptionalLong diskBytesRead() {
        try {
            return Files.isReadable(IO)
                    ? Files.readString(IO)
                            .lines()
                            .filter(line -> line.startsWith("read_bytes: "))
                            .mapToLong(line -> Long.parseLong(line.substring("read_bytes: ".length())))
                            .findFirst()
                    : OptionalLong.empty();
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    /** A figure for a line of results: bytes, or the words. */
    public static Object orNotAvailable(OptionalLong bytes) {
        return bytes.isPresent() ? (Object) bytes.getAsLong() : NOT_AVAILABLE;
    }
}
