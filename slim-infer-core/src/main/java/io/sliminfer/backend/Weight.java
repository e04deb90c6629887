package io.sliminfer.backend;

/**
 * A model's matrix {@code [rows, columns]} on a device in whatever layout the backend likes, with its bias if it has one. As a
 * linear layer it maps {@code columns} inputs to {@code rows} outputs; as a table it has a row for each token id; as a gain it
 * is one row.
 */
public interface Weight {

    long rows();

    long columns();

    /** Memory that the weight takes on the device or keeps mapped, in bytes. */
    long bytes();

    default WeightForm form() {
        return WeightForm.UNKNOWN;
    }
}
