package io.sliminfer.engine;

import io.sliminfer.kv.KvTransfers;
import java.time.Duration;
import java.util.List;

/**
 * What one request cost.
 *
 * @param promptTokens    tokens of the prompt
 * @param cachedTokens    of these, taken from an earlier prompt: not computed up to the first pruning layer, dense prompts in no layer
 * @param generatedTokens tokens sampled, an end-of-sequence token included
 * @param stages          live tokens and kept blocks by stage; one stage when prefill was dense. Of a request that ended before a
 *                        decision with a mass budget, the ceiling counts
 * @param prunedShare     share of (prompt token, layer) pairs that pruning left out, 0..1
 * @param flopsSavedShare share of dense prefill's FLOPs that pruning saved, 0..1; what the prefix cache saved comes on top
 * @param kvBytes         KV cache of the prompt and the generated tokens
 * @param transfers       what moved between device and host; nothing when the request's blocks all fitted
 * @param queued          submit to start of prefill
 * @param prefill         start of prefill to first token sampled
 * @param decode          first token to last
 */
public record GenerationReport(
        int promptTokens,
        int cachedTokens,
        int generatedTokens,
        List<Stage> stages,
        double prunedShare,
        double flopsSavedShare,
        long kvBytes,
        KvTransfers transfers,
        Duration queued,
        Duration prefill,
        Duration decode) {

    /**
     * @param keptBlocks indexes of the blocks live in these layers, ascending; for stage 0 all blocks
     */
    public record Stage(int firstLayer, int lastLayer, int liveTokens, List<Integer> keptBlocks, Decode decode) {

        /** A stage whose live tokens are all active in decode. */
        public Stage(int firstLayer, int lastLayer, int liveTokens, List<Integer> keptBlocks) {
            this(firstLayer, lastLayer, liveTokens, keptBlocks, new Decode(liveTokens, 0));
        }
    }

    /**
     * @param activeTokens prompt tokens that a generated token attends to in these layers; without a decode budget all live ones
     * @param swaps        how often the active blocks were exchanged, the first choice not counted
     */
    public record Decode(int activeTokens, int swaps) {}

    /** Time to first token: queue and prefill. */
    public Duration timeToFirstToken() {
        return queued.plus(prefill);
    }

    /** Decode time for each token after the first, or zero. */
    public Duration perToken() {
        return generatedTokens > 1 ? decode.dividedBy(generatedTokens - 1L) : Duration.ZERO;
    }
}
