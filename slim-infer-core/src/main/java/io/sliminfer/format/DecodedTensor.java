package io.sliminfer.format;

/**
 * A tensor whose file holds it in another form: {@link #rows} gives a new copy at each call, of type {@link #dtype}. A device with
 * memory of its own fills that by {@link #read}, row by row on as many threads as it likes.
 */
public interface DecodedTensor extends TensorSource {

    /**
     * Elements {@code from .. from + count - 1} of a row as float32. Any thread.
     *
     * @param at where the first goes in {@code to}
     */
    void read(long row, int from, int count, float[] to, int at);

    /** Bytes that the tensor takes in its file. */
    long storedBytes();
}
