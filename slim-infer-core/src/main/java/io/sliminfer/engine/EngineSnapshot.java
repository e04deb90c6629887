package io.sliminfer.engine;

import io.sliminfer.kv.PrefixCounts;

/**
 * Where the engine stands, read without stopping it.
 *
 * @param queued      requests waiting
 * @param running     requests in prefill or decode
 * @param kvSlots     slots of the KV pool
 * @param kvSlotsUsed slots that hold blocks of running requests
 * @param hostSlots     slots behind the device, in memory and on disk
 * @param hostSlotsUsed slots there that hold blocks
 * @param kvSlotBytes bytes of one slot
 * @param deviceBytesPeak most memory that was held at once on a device with memory of its own, else 0
 * @param prefixes    where the prefix cache stands; its slots do not count as used
 */
public record EngineSnapshot(
        int queued,
        int running,
        int kvSlots,
        int kvSlotsUsed,
        int hostSlots,
        int hostSlotsUsed,
        long kvSlotBytes,
        long deviceBytesPeak,
        PrefixCounts prefixes) {}
