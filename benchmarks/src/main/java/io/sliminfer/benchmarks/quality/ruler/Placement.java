package io.sliminfer.benchmarks.quality.ruler;

import java.util.Locale;

/** Where in a document the needle goes that is asked for. */
public sealed interface Placement {

    /** One of RULER's 40 depths, drawn for each case. */
    record Spread() implements Placement {}

    /** @param percent of the document's sentences that stand before the needle, 0 to 100 */
    record Depth(double percent) implements Placement {
        public Depth {
            if (!(percent >= 0 && percent <= 100)) {
                throw new IllegalArgumentException("a depth of " + percent + " is not allowed: use 0 to 100 percent");
            }
        }
    }

    /** Over the edge of two pruning blocks, near the middle of the document. */
    record Edge() implements Placement {}

    /** As the first sentence: in the sink if that is large enough. */
    record Sink() implements Placement {}

    /** As the last sentence before the question: in the window if that is large enough. */
    record Window() implements Placement {}

    /** The placement as it is written on the command line. */
    default String label() {
        return this instanceof Depth depth
                ? Double.toString(depth.percent())
                : getClass().getSimpleName().toLowerCase(Locale.ROOT);
    }

    /**
     * Reads {@code spread}, {@code edge}, {@code sink}, {@code window} or a depth in percent.
     *
     * @throws IllegalArgumentException naming the text and what is allowed
     */
    static Placement parse(String text) {
        return switch (text.strip().toLowerCase(Locale.ROOT)) {
            case "spread" -> new Spread();
            case "edge" -> new Edge();
            case "sink" -> new Sink();
            case "window" -> new Window();
            default -> {
                double percent;
                try {
                    percent = Double.parseDouble(text.strip());
                } catch (NumberFormatException e) {
                    throw new IllegalArgumentException("place \"" + text
                            + "\" is unknown: use spread, edge, sink, window or a depth in percent such as 50");
                }
                yield new Depth(percent);
            }
        };
    }
}
