package io.sliminfer.cuda;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;

/** Offers the GPU where driver, libraries and a device that is new enough are there; else says in one line what is missing. */
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
        return new Availability(probe.complete(), probe.summary());
    }

    @Override
    public Backend open(BackendSettings settings) {
        Availability availability = availability();
        if (!availability.usable()) {
            throw new IllegalStateException("slim-infer.backend=cuda cannot be used: " + availability.reason());
        }
        CudaNatives.load(CudaLibraries.ofSystem(System.getenv("LD_LIBRARY_PATH")));
        return new CudaBackend(settings);
    }
}
