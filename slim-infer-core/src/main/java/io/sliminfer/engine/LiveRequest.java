package io.sliminfer.engine;

import java.time.Duration;

/**
 * A request that has not ended.
 *
 * @param promptTokens    tokens of its prompt
 * @param generatedTokens tokens sampled so far
 * @param age             since it was submitted
 */
public record LiveRequest(long id, State state, int promptTokens, int generatedTokens, Duration age) {

    /** How far it is. */
    public enum State {
        WAITING,
        PREFILLING,
        DECODING
    }
}
