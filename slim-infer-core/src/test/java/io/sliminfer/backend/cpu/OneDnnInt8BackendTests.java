package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendContract;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.DType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The contract in float32 with weights in 8 bits. Rounding of weights and inputs makes 1 to 2 % of a product; {@link Int8LinearTests}
 * checks the arithmetic exactly.
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
        return 0.03;
    }

    /** Without the product of a single number, of which rounding may be any share. */
    @Override
    @ParameterizedTest
    @CsvSource({"1, 64, 64", "3, 2100, 70", "19, 129, 40", "40, 1100, 97", "256, 40, 34", "257, 64, 35", "300, 130, 64"
    })
    protected void linearMultipliesByTheTransposedWeight(int rows, int in, int out) {
        super.linearMultipliesByTheTransposedWeight(rows, in, out);
    }
}
