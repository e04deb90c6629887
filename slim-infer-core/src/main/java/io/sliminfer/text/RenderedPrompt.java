package io.sliminfer.text;

/**
 * The text of a prompt and which parts of it the template's author wrote. Only those parts may hold control tokens.
 *
 * @param trustedRuns start (inclusive), end (exclusive), start, end, … in UTF-16 units of {@code text}: ascending, not empty, not
 *                    touching
 */
public record RenderedPrompt(String text, int[] trustedRuns) {

    public RenderedPrompt {
        int last = -1;
        for (int i = 0; i < trustedRuns.length; i++) {
            if (trustedRuns[i] <= last || trustedRuns[i] > text.length() || trustedRuns.length % 2 == 1) {
                throw new IllegalArgumentException("runs must be pairs of rising positions within the text");
            }
            last = trustedRuns[i];
        }
        trustedRuns = trustedRuns.clone();
    }

    /** A text that its caller wrote as a whole, control tokens included. */
    public static RenderedPrompt trusted(String text) {
        return new RenderedPrompt(text, text.isEmpty() ? new int[0] : new int[] {0, text.length()});
    }

    /** A text that came from outside as a whole. */
    public static RenderedPrompt untrusted(String text) {
        return new RenderedPrompt(text, new int[0]);
    }

    @Override
    public int[] trustedRuns() {
        return trustedRuns.clone();
    }
}
