package io.sliminfer.benchmarks.quality.longbench;

import io.sliminfer.benchmarks.quality.PromptTokens;
import io.sliminfer.benchmarks.quality.Turn;
import java.util.Arrays;
import java.util.List;

/**
 * LongBench's way to make a prompt fit: half of the limit from its front, half from its end, counted in tokens of the prompt without
 * the chat template. Nothing else in this project cuts a prompt.
 */
final class MiddleTruncation {

    /** Decoded halves can encode to a few tokens more than they were; so often the limit is lowered by what is too much. */
    private static final int ATTEMPTS = 8;

    private MiddleTruncation() {}

    /**
     * @param text   the prompt that is sent
     * @param before tokens of the whole prompt
     * @param after  tokens that were kept, {@code before} if all
     */
    record Truncated(String text, int before, int after) {

        boolean isCut() {
            return after < before;
        }
    }

    /**
     * @param limit most tokens of the prompt with its chat template
     * @throws IllegalArgumentException if the template alone passes the limit
     */
    static Truncated fit(String prompt, int limit, PromptTokens tokens) {
        int[] ids = tokens.encode(prompt);
        int template = tokens.count(List.of(Turn.user("")));
        int most = limit - template;
        if (tokens.count(List.of(Turn.user(prompt))) <= limit) {
            return new Truncated(prompt, ids.length, ids.length);
        }
        for (int attempt = 0; attempt < ATTEMPTS && most >= 2; attempt++) {
            int half = Math.min(most, ids.length) / 2;
            String cut = tokens.decode(Arrays.copyOf(ids, half))
                    + tokens.decode(Arrays.copyOfRange(ids, ids.length - half, ids.length));
            int excess = tokens.count(List.of(Turn.user(cut))) - limit;
            if (excess <= 0) {
                return new Truncated(cut, ids.length, 2 * half);
            }
            most -= excess;
        }
        throw new IllegalArgumentException("a prompt of " + ids.length + " tokens cannot be cut to " + limit
                + " with a chat template of " + template);
    }
}
