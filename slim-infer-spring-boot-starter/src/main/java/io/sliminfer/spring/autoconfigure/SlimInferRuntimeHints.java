package io.sliminfer.spring.autoconfigure;

import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;

/**
 * What an ahead-of-time build has to keep besides what Spring finds by itself (properties, endpoint): providers of backends, which are
 * looked up as services, and the source of a GPU's kernels. Libraries with natives bring their own.
 */
class SlimInferRuntimeHints implements RuntimeHintsRegistrar {

    @Override
    public void registerHints(RuntimeHints hints, @Nullable ClassLoader classLoader) {
        hints.resources()
                .registerPattern("META-INF/services/io.sliminfer.backend.BackendProvider")
                .registerPattern("io/sliminfer/cuda/kernels/*");
    }
}
