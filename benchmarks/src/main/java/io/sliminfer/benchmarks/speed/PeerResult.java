package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.ProcessMemory;
import io.sliminfer.benchmarks.report.Spread;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Numbers of one answer, as a line {@code name=value ...}. Writing it needs nothing but the JDK: the class path of a peer is its own, and may have another version
 * of whatever writes JSON.
 */
final class PeerResult {

    private PeerResult() {}

    /**
     * The line of an answer.
     *
     * @param promptTokens    as the peer's tokenizer counted
     * @param generatedTokens that were made, the first included
     * @param first           seconds from the request to the first token
     * @param last            seconds from the request to the last token
     */
    static String line(int promptTokens, int generatedTokens, double first, double last) {
        Map<String, Object> numbers = new LinkedHashMap<>();
        numbers.put("promptTokensMeasured", promptTokens);
        numbers.put("generatedTokens", generatedTokens);
        numbers.put("ttftSeconds", first);
        numbers.put("promptTokensPerSecond", promptTokens / first);
        if (generatedTokens > 1 && last > first) {
            double perToken = (last - first) / (generatedTokens - 1);
            numbers.put("decodeMillisPerToken", perToken * 1e3);
            numbers.put("decodeTokensPerSecond", 1 / perToken);
        }
        ProcessMemory memory = ProcessMemory.now();
        put(numbers, "peakResidentBytes", memory.peakResidentBytes());
        put(numbers, "anonymousBytes", memory.anonymousBytes());
        put(numbers, "diskBytes", ProcessMemory.diskBytesRead());
        StringBuilder line = new StringBuilder();
        numbers.forEach((name, value) -> line.append(line.length() == 0 ? "" : " ")
                .append(name)
                .append('=')
                .append(value));
        return line.toString();
    }

    private static void put(Map<String, Object> numbers, String name, OptionalLong bytes) {
        bytes.ifPresent(value -> numbers.put(name, value));
    }

    /**
     * The numbers of a line, integers as {@link Long}.
     *
     * @throws Unavailable if it is none
     */
    static Map<String, Object> parse(String line) throws Unavailable {
        Map<String, Object> numbers = new LinkedHashMap<>();
        try {
            for (String pair : line.split(" ")) {
                int equals = pair.indexOf('=');
                String value = pair.substring(equals + 1);
                numbers.put(
                        pair.substring(0, equals),
                        value.matches("[0-9]+")
                                ? (Object) Long.valueOf(value)
                                : Spread.rounded(Double.parseDouble(value)));
            }
        } catch (NumberFormatException | StringIndexOutOfBoundsException e) {
            throw new Unavailable("its result cannot be read: " + line);
        }
        return numbers;
    }
}
