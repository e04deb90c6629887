package io.sliminfer.benchmarks.cuda;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes in options: {@code 24GB} is 24 * 10^9 bytes, {@code 24GiB} 24 * 2^30. */
final class ByteSize {

    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})(B|kB|MB|GB|KiB|MiB|GiB)?");

    private static final Map<String, Long> UNITS = Map.of(
            "B",
            1L,
            "kB",
            1000L,
            "MB",
            1000_000L,
            "GB",
            1000_000_000L,
            "KiB",
            1L << 10,
            "MiB",
            1L << 20,
            "GiB",
            1L << 30);

    private ByteSize() {}

    /**
     * @throws IllegalArgumentException if it is no size
     */
    static long parse(String text) {
        Matcher size = SIZE.matcher(text);
        if (!size.matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no size: use bytes, or a number with MB, GB (powers of ten), MiB or GiB");
        }
        String unit = size.group(2);
        return Math.multiplyExact(Long.parseLong(size.group(1)), unit == null ? 1 : UNITS.get(unit));
    }

    /** In GB with one digit at most. */
    static String text(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9).replace(".0 GB", " GB");
    }
}
