package io.sliminfer.kv;

import java.time.Duration;

/**
 * What one request's KV cache moved between device and host.
 *
 * @param bytesToHost   written back
 * @param bytesToDevice fetched
 * @param blocksNeeded  blocks that layers asked for in decode, each step anew
 * @param blocksHit     of these, on the device when the layer came to them
 * @param waits         how often a layer waited for a copy
 * @param waited        for how long
 * @param copying       how long the copies to the device took
 */
public record KvTransfers(
        long bytesToHost,
        long bytesToDevice,
        long blocksNeeded,
        long blocksHit,
        int waits,
        Duration waited,
        Duration copying) {

    public static final KvTransfers NONE = new KvTransfers(0, 0, 0, 0, 0, Duration.ZERO, Duration.ZERO);

    /** Share of the needed blocks that were on the device, 0..1; 1 when none was needed. */
    public double hitShare() {
        return blocksNeeded == 0 ? 1 : (double) blocksHit / blocksNeeded;
    }

    /** Share of the copying time to the device that ran beside compute, 0..1; 1 when nothing was copied. */
    public double overlap() {
        return copying.isZero() ? 1 : Math.max(0, 1 - (double) waited.toNanos() / copying.toNanos());
    }
}
