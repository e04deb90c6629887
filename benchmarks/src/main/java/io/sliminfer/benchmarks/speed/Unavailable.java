package io.sliminfer.benchmarks.speed;

/** Something could not be measured; the message says why in one line. */
final class Unavailable extends Exception {

    private static final long serialVersionUID = 1L;

    Unavailable(String message) {
        super(message);
    }
}
