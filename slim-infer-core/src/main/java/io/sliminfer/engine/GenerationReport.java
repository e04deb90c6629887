package io.sliminfer.engine;

import io.sliminfer.kv.KvTransfers;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * What one request cost.
 *
 * @param id              number of the request, {@link Generation#id}
 * @param promptTokens    tokens of the prompt
 * @param cachedTokens    of these, taken from an earlier prompt: not computed up to the first pruning layer, dense prompts in no layer
 * @param generatedTokens tokens sampled, an end-of-sequence token included
 * @param stages          live tokens and kept blocks by stage; one stage when prefill was dense. Of a request that ended before a
 *                        decision with a mass budget, the ceiling counts
 * @param prunedShare     share of (prompt token, layer) pairs that pruning left out, 0..1
 * @param flopsSavedShare share of dense prefill's FLOPs that pruning saved, 0..1; what the prefix cache saved comes on top
 * @param flopsSaved      the same as a number of FLOPs: what the plan of the prompt leaves out, whether or not the prefill came to its end
 * @param kvBytes         KV cache of the prompt and the generated tokens
 * @param transfers       what moved between device and host; nothing when the request's blocks all fitted
 * @param decodeBatch     sequences in this request's decode steps, it included, on average; 0 without such a step
 * @param submittedAt     when it was submitted
 * @param queued          submit to start of prefill
 * @param prefill         start of prefill to first token sampled
 * @param prefillStages   of the prefill, the time of each of {@code stages} by the device's clock, decode steps of others in between
 *                        included; the output head and the wait for its logits make up the rest. Empty without a first token
 * @param decode          first token to last
 */
public record GenerationReport(
        long id,
        int promptTokens,
        int cachedTokens,
        int generatedTokens,
        List<Stage> stages,
        double prunedShare,
        double flopsSavedShare,
        double flopsSaved,
        long kvBytes,
        KvTransfers transfers,
        double decodeBatch,
        Instant submittedAt,
        Duration queued,
        Duration prefill,
        List<Duration> prefillStages,
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
