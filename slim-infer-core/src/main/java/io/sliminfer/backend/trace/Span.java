package io.sliminfer.backend.trace;

import io.sliminfer.backend.DeviceClock.Queue;

/**
 * One operation or copy as the device ran it. Times count from the first span since the listener began to listen, in microseconds.
 *
 * @param operation such as {@code rmsNorm} or {@code linear 6144x4096} (weight's rows x columns); the same in all layers
 * @param rows      rows that passed, or slots that were copied
 * @param flops     multiply-adds, counted as two operations each; 0 where they do not matter
 * @param bytes     least memory traffic: each input read and each output written once
 */
public record Span(
        Queue queue, String operation, long rows, double startMicros, double endMicros, double flops, double bytes) {

    public double micros() {
        return endMicros - startMicros;
    }
}
