package io.sliminfer.cuda;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;

/**
 * Takes part in the choice of a backend. This version has no kernels, so it is never usable; it says what a GPU machine has and
 * what another lacks.
 */
public final class CudaBackendProvider implements BackendProvider {

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public int priority() {
        return 20;
    }

    @Override
    public Availability availability() {
        CudaProbe.Result probe = CudaProbe.ofSystem();
        return new Availability(
                false,
                probe.complete()
                        ? probe.summary() + " found, but this version of slim-infer-cuda has no kernels yet"
                        : probe.summary());
    }

    @Override
    public Backend open(BackendSettings settings) {
        throw new IllegalStateException(
                "slim-infer.backend=cuda cannot be used: " + availability().reason());
    }
}
