package io.sliminfer.engine;

import io.sliminfer.backend.BackendProvider;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the backend to run on. */
final class Backends {

    private static final Logger log = LoggerFactory.getLogger(Backends.class);

    private Backends() {}

    /**
     * @param name backend asked for, or null for the best that works here
     * @throws IllegalArgumentException if the one asked for is unknown or does not work here, with its reason
     */
    static BackendProvider choose(@Nullable String name) {
        List<BackendProvider> providers = new ArrayList<>();
        ServiceLoader.load(BackendProvider.class, BackendProvider.class.getClassLoader())
                .forEach(providers::add);
        return choose(name, providers);
    }

    /** The same among these, in any order. */
    static BackendProvider choose(@Nullable String name, List<BackendProvider> found) {
        List<BackendProvider> providers = found.stream()
                .sorted(Comparator.comparingInt(BackendProvider::priority).reversed())
                .toList();
        if (name != null) {
            BackendProvider asked = providers.stream()
                    .filter(provider -> provider.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("slim-infer.backend=" + name
                            + " is unknown: the class path has "
                            + providers.stream().map(BackendProvider::name).collect(Collectors.joining(", "))));
            BackendProvider.Availability availability = asked.availability();
            if (!availability.usable()) {
                throw new IllegalArgumentException(
                        "slim-infer.backend=" + name + " cannot be used here: " + availability.reason());
            }
            return asked;
        }
        for (BackendProvider provider : providers) {
            BackendProvider.Availability availability = provider.availability();
            if (availability.usable()) {
                if (provider.priority() == 0) {
                    log.warn("Running on the slow backend '{}': {}", provider.name(), availability.reason());
                }
                return provider;
            }
            log.info("Backend '{}' not used: {}", provider.name(), availability.reason());
        }
        throw new IllegalArgumentException(
                "no backend is usable: slim-infer-core's own is missing from META-INF/services");
    }
}
