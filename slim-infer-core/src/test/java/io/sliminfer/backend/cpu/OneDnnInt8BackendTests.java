package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendContract;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.DType;

/**
 * The contract in float32 with weights in 8 bits. Rounding of weights and inputs makes 1 % of a long product; the contract also has
 * products of a single number, which may be off by more. {@link Int8LinearTests} checks the arithmetic exactly.
 */
class OneDnnInt8BackendTests extends BackendContract {

    @Override
    protected Backend open() {
        assumeThat(OneDnn.UNUSABLE).as("oneDNN's natives").isNull();
        assumeThat(Int8Support.find()).as("8-bit products").isNotEqualTo(Int8Support.NONE);
        return new OneDnnBackend(new BackendSettings(DType.F32, 2).withWeights(WeightPrecision.INT8));
    }

    @Override
    protected double tolerance() {
        return 0.05;
    }
}
