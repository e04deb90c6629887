package io.sliminfer.engine;

/**
 * Slots of the KV cache.
 *
 * @param slotBytes bytes of one, on every tier
 * @param device    slots that layers read; those that only the prefix cache holds do not count as used
 * @param host      slots in memory behind the device
 * @param disk      slots in a file behind that
 */
public record KvUsage(long slotBytes, Tier device, Tier host, Tier disk) {

    /**
     * @param slots slots in all
     * @param used  of these, with blocks
     */
    public record Tier(int slots, int used) {}
}
