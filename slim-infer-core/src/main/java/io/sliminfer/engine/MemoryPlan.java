package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.kv.KvCacheManager;
import io.sliminfer.model.HiddenRows;
import io.sliminfer.model.Workspace;
import io.sliminfer.prune.PruneSchedule;
import java.util.Locale;
import java.util.function.ToLongFunction;

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
 * @param passingTokens   longest prompt that may be prefilled beside another
 * @param tile            rows of a prefill tile
 * @param workspaceBytes  activations
 * @param hiddenSlots     blocks whose hidden rows the prefix cache has room for, or {@link KvCacheManager#NO_PREFIX_CACHE}
 * @param hiddenSlotBytes bytes of the hidden rows of a block
 * @param besideBytes     weights and working memory of a device with memory of its own, else 0
 */
record MemoryPlan(
        int slotBlock,
        KvType kvType,
        long slotBytes,
        int slots,
        int hostSlots,
        int diskSlots,
        int maxPromptTokens,
        int passingTokens,
        int tile,
        long workspaceBytes,
        int hiddenSlots,
        long hiddenSlotBytes,
        long besideBytes) {

    /** Prompts up to here may pass longer ones: for a model with a hidden size of 4,096 the room that they need has 64 MiB. */
    private static final int PASSING_TOKENS = 4096;

    /** Share of the machine's memory that the KV cache takes at most when nothing is configured. */
    private static final double KV_SHARE = 0.4;

    /** Hidden rows of prefixes take this share of the KV cache's bytes, besides it, when nothing is configured. */
    private static final double HIDDEN_SHARE = 1.0 / 8;

    static MemoryPlan of(ModelConfig model, DeviceInfo device, EngineSettings settings, int block) {
        return of(model, device, settings, block, Math.min(block, PruneSchedule.UNIT_DEFAULT), size -> 0);
    }

    /**
     * @param unit   tokens in a unit of scoring
     * @param beside what a device with memory of its own needs for weights and operations ({@link Backend#bytesBeside})
     * @throws IllegalArgumentException naming the property whose value does not fit, with the numbers
     */
    static MemoryPlan of(
            ModelConfig model,
            DeviceInfo device,
            EngineSettings settings,
            int block,
            int unit,
            ToLongFunction<Backend.WorkSize> beside) {
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
        long wanted = perSequence * Math.max(2, settings.serving().batchMax() / 2);
        int tile = Math.min(limit, settings.prefillTile() == 0 ? device.tile() : settings.prefillTile());
        long besideBytes = beside.applyAsLong(
                new Backend.WorkSize(model, tile, settings.serving().batchMax(), limit, block, unit));
        int passing = Math.min(limit, PASSING_TOKENS);
        long workspaceBytes = Workspace.bytes(model, compute, limit, passing, tile);
        long ropeBytes = 4L * positions * model.headDim();
        long available = device.dedicated()
                ? device.memoryBytes() - besideBytes - workspaceBytes - ropeBytes
                : (long) (device.memoryBytes() * KV_SHARE);
        long bytes = settings.kv().memoryBytes() > 0
                ? settings.kv().memoryBytes()
                : Math.min(
                        wanted * slotBytes,
                        device.dedicated()
                                ? besideHidden(available, settings.kv().prefixes())
                                : available);
        if (device.dedicated() && (available <= 0 || bytes > available)) {
            throw new IllegalArgumentException(tooLarge(
                    model,
                    device,
                    settings,
                    limit,
                    available <= 0 ? 0 : bytes,
                    besideBytes,
                    workspaceBytes + ropeBytes));
        }
        long slots = Math.min(bytes / slotBytes, Integer.MAX_VALUE / 2);
        if (slots < 2L * model.layers()) {
            throw new IllegalArgumentException("slim-infer.kv-cache.memory=" + bytes + " bytes hold " + slots
                    + " slots of "
                    + slotBytes + " bytes (slim-infer.kv-cache.type=" + kvType + "); one block of " + block
                    + " tokens needs one in each of the " + model.layers()
                    + " layers. Use " + 2 * model.layers() * slotBytes + " bytes or more");
        }
        return new MemoryPlan(
                block,
                kvType,
                slotBytes,
                (int) slots,
                slotsBehind(settings.kv().hostBytes(), slotBytes),
                slotsBehind(settings.kv().diskBytes(), slotBytes),
                limit,
                passing,
                tile,
                workspaceBytes,
                hiddenSlots(
                        model,
                        settings.kv().prefixes(),
                        block,
                        limit,
                        slots * slotBytes,
                        device.dedicated() ? available - slots * slotBytes : Long.MAX_VALUE),
                HiddenRows.slotBytes(model.hidden(), block),
                besideBytes);
    }

    /** What is left for KV where hidden rows of prefixes take their share of the same memory. */
    private static long besideHidden(long available, PrefixSettings prefixes) {
        if (prefixes.reuse() == PrefixSettings.Reuse.OFF) {
            return available;
        }
        return prefixes.memoryBytes() == PrefixSettings.CHOOSE
                ? (long) (available / (1 + HIDDEN_SHARE))
                : available - prefixes.memoryBytes();
    }

    private static String tooLarge(
            ModelConfig model,
            DeviceInfo device,
            EngineSettings settings,
            int limit,
            long kvBytes,
            long besideBytes,
            long workspaceBytes) {
        return String.format(
                Locale.ROOT,
                "the %s model does not fit: %s may use %,d bytes (slim-infer.cuda.memory, or what is free); weights and working memory of"
                        + " operations take %,d, activations for prompts up to %,d tokens %,d, the KV cache %s. Lower"
                        + " slim-infer.max-prompt-tokens%s, lower slim-infer.prefill-tile, or use a device with more memory",
                model.architecture(),
                device.description(),
                device.memoryBytes(),
                besideBytes,
                limit,
                workspaceBytes,
                kvBytes == 0 ? "none is left for" : String.format(Locale.ROOT, "%,d", kvBytes),
                settings.kv().memoryBytes() > 0
                        ? " or slim-infer.kv-cache.memory (with slim-infer.kv-cache.host-memory behind it a prompt needs room for one layer)"
                        : "");
    }

    private static int hiddenSlots(
            ModelConfig model, PrefixSettings prefixes, int block, int limit, long kvBytes, long room) {
        if (prefixes.reuse() == PrefixSettings.Reuse.OFF) {
            return KvCacheManager.NO_PREFIX_CACHE;
        }
        long slotBytes = HiddenRows.slotBytes(model.hidden(), block);
        long slots = prefixes.memoryBytes() == PrefixSettings.CHOOSE
                ? Math.min(2L * (limit / block), (long) (kvBytes * HIDDEN_SHARE) / slotBytes)
                : prefixes.memoryBytes() / slotBytes;
        if (prefixes.memoryBytes() != PrefixSettings.CHOOSE && slots * slotBytes > room) {
            throw new IllegalArgumentException("slim-infer.prefix-cache.memory=" + prefixes.memoryBytes()
                    + " does not fit beside the KV cache: " + Math.max(0, room)
                    + " bytes of the device are left. Lower it, or"
                    + " slim-infer.kv-cache.memory");
        }
        return (int) Math.min(Math.min(slots, Math.max(0, room) / slotBytes), Integer.MAX_VALUE / block);
    }

    private static int slotsBehind(long bytes, long slotBytes) {
        return (int) Math.min(bytes / slotBytes, Integer.MAX_VALUE / 4);
    }

    /** The largest operations to come, for {@link Backend#prepare}. */
    Backend.WorkSize workSize(ModelConfig model, int batch, int unit) {
        return new Backend.WorkSize(model, tile, batch, maxPromptTokens, slotBlock, unit);
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
