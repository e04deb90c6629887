package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendContract;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.TestTensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The contract in bf16, with its eight bits of precision. */
class OneDnnBf16BackendTests extends BackendContract {

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

    @Test
    void convertsLargeFloat16WeightsInPartsOfWholeRows() {
        int rows = 700;
        int columns = 1000; // 2.8 MB as float32, which is converted 1 MiB at a time
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (i / columns + 1) * (i % 2 == 0 ? 1 : -1); // up to 700: exact in float16, rounded in bf16
        }
        try (Backend backend = open()) {
            Weight table = backend.load(WeightSpec.of(
                    "table", WeightSpec.Use.TABLE, TestTensor.of("table", DType.F16, rows, columns, values)));
            Tensor ids = backend.allocate("ids", DType.I32, rows, 1);
            Tensor x = backend.allocate("x", DType.F32, rows, columns);
            backend.ops().write(ids, IntStream.range(0, rows).toArray(), rows);
            backend.ops().embed(x, ids, table);
            Readback readback = backend.readback(values.length);
            backend.ops().read(readback, x);
            readback.join();
            float[] loaded = new float[values.length];
            readback.get(0, loaded, values.length);
            float[] rounded = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                rounded[i] = HalfFloats.bf16ToFloat(HalfFloats.floatToBf16(values[i]));
            }
            assertThat(loaded).isEqualTo(rounded);
        }
    }
}
