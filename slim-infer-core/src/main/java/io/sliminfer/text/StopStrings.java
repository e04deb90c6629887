package io.sliminfer.text;

import java.util.List;

/**
 * Cuts a stream of text at the first stop string. Text that may be the start of one is held back until it is clear. One thread
 * at a time.
 */
public final class StopStrings {

    private final List<String> stops;
    private final int longest;
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    /** @param stops not empty strings; the list may be empty */
    public StopStrings(List<String> stops) {
        if (stops.contains("")) {
            throw new IllegalArgumentException(
                    "an empty stop string is not allowed: it would end every answer at once");
        }
        this.stops = List.copyOf(stops);
        this.longest = stops.stream().mapToInt(String::length).max().orElse(0);
    }

    /** Takes text and returns what can be shown. After a stop string nothing more is returned. */
    public String append(String text) {
        if (stopped || text.isEmpty()) {
            return "";
        }
        held.append(text);
        int stop = -1;
        for (String candidate : stops) {
            int at = held.indexOf(candidate);
            stop = at >= 0 && (stop < 0 || at < stop) ? at : stop;
        }
        // A longer stop string that starts earlier may still be coming; it is the one that counts.
        int open = earliestOpen(stop < 0 ? held.length() : stop);
        if (stop >= 0 && open >= stop) {
            stopped = true;
            return take(stop);
        }
        return take(open);
    }

    private int earliestOpen(int limit) {
        return earliestOpen(held, stops, Math.max(0, held.length() - longest + 1), limit);
    }

    /** First position from {@code from} to {@code limit} where the end of a text may be the start of one of the strings, or the limit. */
    static int earliestOpen(StringBuilder text, List<String> strings, int from, int limit) {
        for (int at = from; at < limit; at++) {
            for (String string : strings) {
                if (string.length() > text.length() - at && string.startsWith(text.substring(at))) {
                    return at;
                }
            }
        }
        return limit;
    }

    private String take(int end) {
        String text = held.substring(0, end);
        held.delete(0, end);
        return text;
    }

    /** Whether a stop string was reached. */
    public boolean isStopped() {
        return stopped;
    }

    /** What was held back, at the end of the stream. */
    public String finish() {
        if (stopped) {
            return "";
        }
        // A stop string may be complete inside of the held text, behind the start of a longer one that did not come.
        int stop = held.length();
        for (String candidate : stops) {
            int at = held.indexOf(candidate);
            if (at >= 0 && at < stop) {
                stop = at;
                stopped = true;
            }
        }
        return take(stop);
    }
}
