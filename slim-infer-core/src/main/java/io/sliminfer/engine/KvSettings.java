package io.sliminfer.engine;

import io.sliminfer.backend.KvType;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Sizes and places of the KV cache. Zero means "choose", or none for what lies behind the device.
 *
 * @param memoryBytes    memory on the device, or 0 for a share of what it has
 * @param type           how keys and values are stored, or null for the compute dtype
 * @param hostBytes      host memory behind it, or 0: then a request must fit the device
 * @param disk           folder for a file behind that, or null
 * @param diskBytes      size of the file
 * @param prefetchLayers how many layers ahead decode fetches blocks; 0 fetches a block when its layer runs
 * @param swapThreshold  share of the wanted blocks that must be active for decode to keep its active blocks, 0..1
 * @param prefixes       reuse of earlier prompts
 */
public record KvSettings(
        long memoryBytes,
        @Nullable KvType type,
        long hostBytes,
        @Nullable Path disk,
        long diskBytes,
        int prefetchLayers,
        double swapThreshold,
        PrefixSettings prefixes) {

    public static final int PREFETCH_LAYERS_DEFAULT = 2;
    public static final double SWAP_THRESHOLD_DEFAULT = 0.9;

    public KvSettings {
        EngineSettings.require(memoryBytes >= 0, "kv-cache.memory", memoryBytes, "0 (choose) or more bytes");
        EngineSettings.require(hostBytes >= 0, "kv-cache.host-memory", hostBytes, "0 (none) or more bytes");
        EngineSettings.require(diskBytes >= 0, "kv-cache.disk-size", diskBytes, "0 (none) or more bytes");
        EngineSettings.require(prefetchLayers >= 0, "kv-cache.prefetch-layers", prefetchLayers, "0 (off) or more");
        new SwapPolicy(swapThreshold); // refuses what is out of range
        if ((disk == null) != (diskBytes == 0)) {
            throw new IllegalArgumentException("slim-infer.kv-cache.disk=" + (disk == null ? "(not set)" : disk)
                    + " and slim-infer.kv-cache.disk-size=" + diskBytes
                    + " must be set together: a folder and the bytes that the cache may take there");
        }
    }

    /** With a prefix cache as by default. */
    public KvSettings(
            long memoryBytes,
            @Nullable KvType type,
            long hostBytes,
            @Nullable Path disk,
            long diskBytes,
            int prefetchLayers,
            double swapThreshold) {
        this(memoryBytes, type, hostBytes, disk, diskBytes, prefetchLayers, swapThreshold, PrefixSettings.defaults());
    }

    /** The same with other reuse of earlier prompts. */
    public KvSettings withPrefixes(PrefixSettings other) {
        return new KvSettings(memoryBytes, type, hostBytes, disk, diskBytes, prefetchLayers, swapThreshold, other);
    }

    /** Everything chosen, nothing behind the device. */
    public static KvSettings defaults() {
        return ofMemory(0);
    }

    /** Nothing behind the device. */
    public static KvSettings ofMemory(long memoryBytes) {
        return new KvSettings(memoryBytes, null, 0, null, 0, PREFETCH_LAYERS_DEFAULT, SWAP_THRESHOLD_DEFAULT);
    }

    /** Whether blocks may leave the device. */
    public boolean offloads() {
        return hostBytes > 0 || diskBytes > 0;
    }

    SwapPolicy swapPolicy() {
        return new SwapPolicy(swapThreshold);
    }
}
