package io.sliminfer.backend;

/**
 * A landing place on the host, made once and reused. {@link Ops#read} enqueues a copy into it; {@link #join} waits for it.
 */
public interface Readback {

    /** Waits for the last copy. Besides fences and marks of the clock, this is the only call that waits for the device. */
    void join();

    /** The i-th element of the last copy, as float. Valid after {@link #join}. */
    float getFloat(int index);

    /** The i-th element of the last copy, as int. Valid after {@link #join}. */
    int getInt(int index);

    /** Copies {@code count} elements out as floats, from the one at {@code index} on. Valid after {@link #join}. */
    void get(int index, float[] to, int count);
}
