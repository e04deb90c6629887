package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.ChannelQuantiser;
import io.sliminfer.format.ChannelQuantiser.Loss;
import io.sliminfer.format.Int8Kernels;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How far 8 bits take the outputs of each linear layer from what they are. Large models have a few input channels that are a hundred
 * times larger than the others; they take the steps of a row, and no look at the weights alone shows it. So prompts run through the
 * model as it is, and of some rows of each layer's inputs and some of its outputs the product is computed both ways: in float32,
 * and with the weights by output channel and the inputs by row in 8 bits.
 */
public final class QuantisationErrors extends WatchedModel {

    /** Rows of each call: the first ones, where the tokens are that all attend to, and the last. */
    private static final int ROWS_AT_EACH_END = 4;

    /** Outputs of each layer, evenly spaced. */
    private static final int OUTPUTS = 32;

    private final Map<Weight, Probe> probes = new IdentityHashMap<>();
    private final Map<String, Loss> losses = new LinkedHashMap<>();
    private @Nullable Readback landing;
    private float[] rows = {};

    private QuantisationErrors() {}

    /**
     * Relative L2 errors by linear layer ({@link WeightSpec#layer()}), in the model's order.
     *
     * @param backend name of the backend that runs the model, or null for the best
     */
    public static Map<String, Double> measure(ModelFolder folder, @Nullable String backend, List<int[]> prompts) {
        QuantisationErrors errors = new QuantisationErrors();
        try (LocalEngine engine = errors.open(folder, backend, WeightPrecision.BF16, prompts)) {
            prompts.forEach(prompt -> prefill(engine, prompt));
        }
        Map<String, Double> relative = new LinkedHashMap<>();
        errors.losses.forEach((layer, loss) -> relative.put(layer, loss.relative()));
        return relative;
    }

    /** Some outputs of a layer. */
    private static final class Probe {
        private final String layer;
        private final float[][] weights = new float[OUTPUTS][];
        private final byte[][] quantised = new byte[OUTPUTS][];
        private final float[] scales = new float[OUTPUTS];

        Probe(WeightSpec spec) {
            layer = spec.layer();
            ChannelQuantiser quantiser = new ChannelQuantiser();
            for (int i = 0; i < OUTPUTS; i++) {
                long row = spec.rows() * i / OUTPUTS;
                int part = 0;
                while (row >= spec.parts().get(part).rows()) {
                    row -= spec.parts().get(part++).rows();
                }
                TensorSource source = spec.parts().get(part);
                int output = i;
                quantiser.quantise(source, row, row + 1, (index, values, scale) -> {
                    quantised[output] = values.clone();
                    scales[output] = scale;
                });
                weights[i] = quantiser.lastRow();
            }
        }

        /** Of one row of inputs. */
        Loss loss(float[] x, int at, int columns) {
            float scale = Int8Kernels.scale(Int8Kernels.magnitude(0, x, at, columns));
            byte[] q = new byte[columns];
            Int8Kernels.quantise(q, 0, x, at, columns, scale);
            double error = 0;
            double signal = 0;
            for (int n = 0; n < OUTPUTS; n++) {
                double exact = 0;
                long sum = 0;
                for (int i = 0; i < columns; i++) {
                    exact += (double) x[at + i] * weights[n][i];
                    sum += q[i] * quantised[n][i];
                }
                double difference = (double) sum * scale * scales[n] - exact;
                error += difference * difference;
                signal += exact * exact;
            }
            return new Loss(error, signal);
        }
    }

    @Override
    Weight load(Backend backend, WeightSpec spec) {
        Weight weight = backend.load(spec);
        if (spec.use() == WeightSpec.Use.LINEAR || spec.use() == WeightSpec.Use.TABLE) {
            probes.put(weight, new Probe(spec));
            losses.put(spec.layer(), Loss.NONE);
        }
        return weight;
    }

    @Override
    Weight multiply(Backend backend, Tensor in, Weight weight) {
        Probe probe = probes.get(weight);
        if (probe != null) {
            look(backend, in, probe);
        }
        return weight;
    }

    private void look(Backend backend, Tensor in, Probe probe) {
        int columns = Math.toIntExact(in.columns());
        List<Tensor> ends = new ArrayList<>();
        ends.add(in.rows(0, Math.min(ROWS_AT_EACH_END, in.rows())));
        if (in.rows() > 2 * ROWS_AT_EACH_END) {
            ends.add(in.rows(in.rows() - ROWS_AT_EACH_END, in.rows()));
        }
        Readback readback = landing;
        if (readback == null || rows.length < ROWS_AT_EACH_END * columns) {
            rows = new float[ROWS_AT_EACH_END * columns];
            readback = backend.readback(rows.length);
            landing = readback;
        }
        for (Tensor end : ends) {
            int count = Math.toIntExact(end.rows());
            backend.ops().read(readback, end);
            readback.join();
            readback.get(0, rows, count * columns);
            for (int r = 0; r < count; r++) {
                Loss loss = probe.loss(rows, r * columns, columns);
                losses.merge(probe.layer, loss, Loss::plus);
            }
        }
    }
}
