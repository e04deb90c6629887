package io.sliminfer.backend;

/**
 * Offers a backend; found by {@link java.util.ServiceLoader}.
 */
public interface BackendProvider {

    /** Short lower-case name, the value of {@code slim-infer.backend}. */
    String name();

    /** The usable provider with the highest priority is taken when no backend is asked for by name. */
    int priority();

    /** Finds out, without throwing, whether {@link #open} can work here. */
    Availability availability();

    Backend open(BackendSettings settings);

    /**
     * @param reason one line: what was found, or what is missing and how to fix it
     */
    record Availability(boolean usable, String reason) {}
}
