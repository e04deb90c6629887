package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.KvTypeContract;
import io.sliminfer.format.DType;

/** KV caches of all types under bf16 activations. */
class OneDnnBf16KvTypeTests extends KvTypeContract {

    @Override
    protected Backend open() {
        assumeThat(OneDnn.UNUSABLE).as("oneDNN's natives").isNull();
        assumeThat(OneDnn.supportsBf16()).as("bf16 products on this CPU").isTrue();
        return new OneDnnBackend(new BackendSettings(DType.BF16, 2));
    }

    @Override
    protected double tolerance() {
        return 2e-2;
    }
}
