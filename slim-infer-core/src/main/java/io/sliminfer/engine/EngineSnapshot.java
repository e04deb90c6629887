package io.sliminfer.engine;

import io.sliminfer.kv.PrefixCounts;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where an engine stands, read without stopping it: requests as they are now, KV cache and prefix cache as the last step left them.
 *
 * @param failure         why it is {@link EngineState#FAILED}, else null
 * @param queueCapacity   requests that may wait
 * @param batchMax        sequences that decode together
 * @param requests        those that have not ended, in the order in which they came
 * @param deviceBytesPeak most memory that was held at once on a device with memory of its own, else 0
 * @param prefixes        where the prefix cache stands
 */
public record EngineSnapshot(
        EngineState state,
        @Nullable Throwable failure,
        int queueCapacity,
        int batchMax,
        List<LiveRequest> requests,
        KvUsage kv,
        MemoryUsage memory,
        long deviceBytesPeak,
        PrefixCounts prefixes) {

    public EngineSnapshot {
        requests = List.copyOf(requests);
    }

    /** Requests that wait for their turn. */
    public int queued() {
        return count(LiveRequest.State.WAITING);
    }

    /** Requests in prefill or decode. */
    public int running() {
        return requests.size() - queued();
    }

    /** Whether a further request would be turned away with {@link EngineException.Kind#QUEUE_FULL}. */
    public boolean full() {
        return requests.size() >= queueCapacity + batchMax;
    }

    private int count(LiveRequest.State state) {
        int count = 0;
        for (LiveRequest request : requests) {
            count += request.state() == state ? 1 : 0;
        }
        return count;
    }
}
