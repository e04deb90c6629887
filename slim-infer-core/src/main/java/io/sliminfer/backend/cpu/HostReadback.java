package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Readback;

/** A landing place for a device that shares the host's memory: the copy is done when {@code read} returns. */
final class HostReadback implements Readback {

    private final float[] floats;
    private final int[] ints;

    HostReadback(int elements) {
        floats = new float[elements];
        ints = new int[elements];
    }

    float[] floats() {
        return floats;
    }

    int[] ints() {
        return ints;
    }

    @Override
    public void join() {}

    @Override
    public float getFloat(int index) {
        return floats[index];
    }

    @Override
    public int getInt(int index) {
        return ints[index];
    }

    @Override
    public void get(int index, float[] to, int count) {
        System.arraycopy(floats, index, to, 0, count);
    }
}
