package io.sliminfer.engine;

import java.time.Duration;

/**
 * How requests share an engine.
 *
 * @param batchMax        sequences that decode together
 * @param queueCapacity   requests that may wait
 * @param queueWait       longest time that a request may wait, or zero for any
 * @param prefillSlice    about how long prompts are read before running answers get their next token
 * @param maxAnswerTokens most tokens that a request may ask for, or 0 for as many as the model has positions
 */
public record ServingSettings(
        int batchMax, int queueCapacity, Duration queueWait, Duration prefillSlice, int maxAnswerTokens) {

    public static final int BATCH_MAX_DEFAULT = 16;
    public static final int QUEUE_CAPACITY_DEFAULT = 64;
    public static final Duration PREFILL_SLICE_DEFAULT = Duration.ofMillis(50);

    public ServingSettings {
        EngineSettings.require(batchMax >= 1 && batchMax <= 1024, "batch-max", batchMax, "1 to 1024");
        EngineSettings.require(queueCapacity >= 1, "queue-capacity", queueCapacity, "1 or more");
        EngineSettings.require(!queueWait.isNegative(), "queue-wait", queueWait, "0s (no limit) or more");
        EngineSettings.require(
                !prefillSlice.isNegative() && !prefillSlice.isZero(), "prefill-slice", prefillSlice, "1ms or more");
        EngineSettings.require(maxAnswerTokens >= 0, "max-answer-tokens", maxAnswerTokens, "0 (no limit) or more");
    }

    /** Without limits on waits and answers. */
    public static ServingSettings of(int batchMax, int queueCapacity) {
        return new ServingSettings(batchMax, queueCapacity, Duration.ZERO, PREFILL_SLICE_DEFAULT, 0);
    }

    public static ServingSettings defaults() {
        return of(BATCH_MAX_DEFAULT, QUEUE_CAPACITY_DEFAULT);
    }
}
