package io.sliminfer.text.jinja;

import java.util.AbstractList;

/** {@code range(start, stop, step)} as a list that is never stored. */
final class Range extends AbstractList<Object> {

    /** The limit of Jinja's sandbox. */
    static final int SIZE_MAX = 100_000;

    private final long start;
    private final long step;
    private final int size;

    Range(long start, long stop, long step) {
        if (step == 0) {
            throw new TemplateException("range() arg 3 must not be zero");
        }
        long size;
        try {
            long span = step > 0 ? Math.subtractExact(stop, start) : Math.subtractExact(start, stop);
            size = span <= 0 ? 0 : (span - 1) / Math.abs(step) + 1;
        } catch (ArithmeticException e) {
            size = Long.MAX_VALUE;
        }
        if (size > SIZE_MAX) {
            throw new TemplateException("range too big: " + size + " elements, at most " + SIZE_MAX + " are allowed");
        }
        this.start = start;
        this.step = step;
        this.size = (int) size;
    }

    @Override
    public Object get(int index) {
        return start + step * java.util.Objects.checkIndex(index, size);
    }

    @Override
    public int size() {
        return size;
    }
}
