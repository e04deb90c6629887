package io.sliminfer.grammar;

import java.util.Arrays;

/** A growing list of ints. */
final class IntList {

    private int[] values;
    private int size;

    IntList(int... values) {
        this.values = values.length == 0 ? new int[8] : values.clone();
        this.size = values.length;
    }

    void add(int value) {
        if (size == values.length) {
            values = Arrays.copyOf(values, 2 * size);
        }
        values[size++] = value;
    }

    int get(int index) {
        return values[index];
    }

    int pop() {
        return values[--size];
    }

    void clear() {
        size = 0;
    }

    int size() {
        return size;
    }

    int[] toArray() {
        return Arrays.copyOf(values, size);
    }
}
