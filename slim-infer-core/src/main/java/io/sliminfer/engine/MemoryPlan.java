package io.sliminfer.engine;

import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.kv.KvCacheManager;
import io.sliminfer.model.HiddenRows;
import io.sliminfer.model.Workspace;

/**
 * Sizes that an engine takes at start.
 *
 * @param slotBlock       tokens in a KV slot
 * @param kvType          how the slots store keys and values
 * @param slotBytes       bytes of a slot
 * @param slots           slots of the KV pool
 * @param hostSlots       slots in host memory behind it
 * @param diskSlots       slots in a file behind that
 * @param maxPromptTokens longest prompt: what model and configuration allow; whether the KV pool holds it depends on its schedule
 * @param tile            rows of a prefill tile
 * @param workspaceBytes  activations
 * @param hiddenSlots     blocks whose hidden rows the prefix cache has room for, or {@link KvCacheManager#NO_PREFIX_CACHE}
 * @param hiddenSlotBytes bytes of the hidden rows of a block
 */
record MemoryPlan(
        int slotBlock,
        KvType kvType,
        long slotBytes,
        int slots,
        int hostSlots,
        int diskSlots,
        int maxPromptTokens,
        int tile,
        long workspaceBytes,
        int hiddenSlots,
        long hiddenSlotBytes) {

    /** Share of the machine's memory that the KV cache takes at most when nothing is configured. */
    private static final double KV_SHARE = 0.4;

    /** Hidden rows of prefixes take this share of the KV cache's bytes, besides it, when nothing is configured. */
    private static final double HIDDEN_SHARE = 1.0 / 8;

    /** A tile of this many rows keeps products at full speed and its activations in tens of MiB. */
    private static final int TILE_DEFAULT = 1024;

    static MemoryPlan of(ModelConfig model, DeviceInfo device, EngineSettings settings, int block) {
        DType compute = device.compute();
        KvType kvType = settings.kv().type() != null ? settings.kv().type() : KvType.of(compute);
        long slotBytes = kvType.slotBytes(block, model.kvHeads(), model.headDim());
        int positions = model.maxPositions();
        int limit = settings.maxPromptTokens() == 0 ? positions - 1 : settings.maxPromptTokens();
        if (limit >= positions) {
            throw new IllegalArgumentException(
                    "slim-infer.max-prompt-tokens=" + limit + " does not leave room for an answer: the model has "
                            + positions + " positions (max_position_embeddings)");
        }
        // A slot for each layer and block of a prompt of full length, twice over for its neighbours in the batch.
        long perSequence = (long) model.layers() * ((positions + block - 1L) / block);
        long wanted = perSequence * Math.max(2, settings.batchMax() / 2);
        long bytes = settings.kv().memoryBytes() > 0
                ? settings.kv().memoryBytes()
                : Math.min(wanted * slotBytes, (long) (device.memoryBytes() * KV_SHARE));
        long slots = Math.min(bytes / slotBytes, Integer.MAX_VALUE / 2);
        if (slots < 2L * model.layers()) {
            throw new IllegalArgumentException("slim-infer.kv-cache.memory=" + bytes + " bytes hold " + slots
                    + " slots of "
                    + slotBytes + " bytes (slim-infer.kv-cache.type=" + kvType + "); one block of " + block
                    + " tokens needs one in each of the " + model.layers()
                    + " layers. Use " + 2 * model.layers() * slotBytes + " bytes or more");
        }
        int tile = Math.min(limit, settings.prefillTile() == 0 ? TILE_DEFAULT : settings.prefillTile());
        return new MemoryPlan(
                block,
                kvType,
                slotBytes,
                (int) slots,
                slotsBehind(settings.kv().hostBytes(), slotBytes),
                slotsBehind(settings.kv().diskBytes(), slotBytes),
                limit,
                tile,
                Workspace.bytes(model, compute, limit, tile),
                hiddenSlots(model, settings.kv().prefixes(), block, limit, slots * slotBytes),
                HiddenRows.slotBytes(model.hidden(), block));
    }

    private static int hiddenSlots(ModelConfig model, PrefixSettings prefixes, int block, int limit, long kvBytes) {
        if (prefixes.reuse() == PrefixSettings.Reuse.OFF) {
            return KvCacheManager.NO_PREFIX_CACHE;
        }
        long slotBytes = HiddenRows.slotBytes(model.hidden(), block);
        long slots = prefixes.memoryBytes() == PrefixSettings.CHOOSE
                ? Math.min(2L * (limit / block), (long) (kvBytes * HIDDEN_SHARE) / slotBytes)
                : prefixes.memoryBytes() / slotBytes;
        return (int) Math.min(slots, Integer.MAX_VALUE / block);
    }

    private static int slotsBehind(long bytes, long slotBytes) {
        return (int) Math.min(bytes / slotBytes, Integer.MAX_VALUE / 4);
    }

    long kvBytes() {
        return slots * slotBytes;
    }

    /** Hidden rows of prefixes. */
    long hiddenBytes() {
        return Math.max(0, hiddenSlots) * hiddenSlotBytes;
    }

    /** Memory and file behind the device. */
    long bytesBehind() {
        return ((long) hostSlots + diskSlots) * slotBytes;
    }
}
