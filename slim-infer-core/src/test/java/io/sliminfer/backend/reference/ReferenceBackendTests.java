package io.sliminfer.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.TestTensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** The judge itself, on numbers small enough to work out by hand. */
class ReferenceBackendTests {

    private static final Offset<Float> ROUNDING = Offset.offset(1e-6f);

    private final Backend backend = new ReferenceBackend();
    private final Ops ops = backend.ops();

    @Test
    void rmsNormDividesByTheRootOfTheMeanSquare() {
        Tensor out = floats(1, 2, 0, 0);
        ops.rmsNorm(out, floats(1, 2, 3, 4), weight(Use.GAIN, 1, 2, 1, 10), 12);
        // mean square 12.5, plus 12: 24.5
        assertThat(read(out)[0]).isCloseTo((float) (3 / Math.sqrt(24.5)), ROUNDING);
        assertThat(read(out)[1]).isCloseTo((float) (40 / Math.sqrt(24.5)), ROUNDING);
    }

    @Test
    void productsUseRowsOfTheWeightAndTheBias() {
        WeightSpec spec = new WeightSpec(
                "w",
                List.of(TestTensor.of("a", DType.BF16, 1, 2, 1, 2), TestTensor.of("b", DType.F16, 1, 2, 3, 4)),
                List.of(TestTensor.of("c", DType.F32, 1, 1, 100), TestTensor.of("d", DType.F32, 1, 1, 0)),
                Use.LINEAR);
        Weight w = backend.load(spec);
        Tensor in = floats(1, 2, 10, 1);
        Tensor out = floats(1, 2, 7, 7);
        ops.linear(out, in, w);
        assertThat(read(out)).containsExactly(112, 34);
        ops.linearAdd(out, in, w);
        assertThat(read(out)).containsExactly(224, 68);
        Tensor gated = floats(1, 1, 0);
        ops.gatedLinear(gated, floats(1, 2, -101, 0.5f), w);
        // gate = -101 + 1 + 100 = 0, so silu is 0
        assertThat(read(gated)[0]).isZero();
        ops.gatedLinear(gated, floats(1, 2, -100, 1), w);
        // gate = 2, up = -296
        assertThat(read(gated)[0]).isCloseTo((float) (2 / (1 + Math.exp(-2)) * -296), Offset.offset(1e-4f));
    }

    @Test
    void rotatesPairsOfHalvesAndAttendsCausally() {
        // Position 0 does not turn, position 1 turns each pair by 90 degrees.
        HeadLayout heads = new HeadLayout(2, 1, 2, null, null, 0, floats(2, 2, 1, 0, 0, 1));
        KvPool pool = backend.allocateKv(2, 1, 1, 2, KvType.F32);
        KvView kv = KvView.of(pool, new KvView.Sequence(new int[] {1, 0}, 2, 2));
        // q of head 0, q of head 1, k, v
        Tensor qkv = floats(2, 8, 1, 2, 0, 0, 5, 0, 7, 8, 1, 2, 0, 1, 0, 3, 70, 80);
        Tensor q = floats(2, 4, new float[8]);
        Tensor positions = backend.allocate("positions", DType.I32, 2, 1);
        ops.write(positions, new int[] {0, 1}, 2);
        ops.ropeAndStore(q, kv, qkv, heads, positions);
        assertThat(read(q)).containsExactly(1, 2, 0, 0, -2, 1, -1, 0);

        ops.attend(q, q, kv, heads, 0.5f);
        float[] out = read(q);
        // Row 0 sees token 0 only.
        assertThat(out).startsWith(7, 8, 7, 8);
        // Row 1, keys (5, 0) and (-3, 0): head 0 scores -5 and 3, head 1 -2.5 and 1.5.
        float second = (float) (1 / (1 + Math.exp(-8)));
        assertThat(out[4]).isCloseTo(7 + 63 * second, Offset.offset(1e-4f));
        float other = (float) (1 / (1 + Math.exp(-4)));
        assertThat(out[7]).isCloseTo(8 + 72 * other, Offset.offset(1e-4f));
    }

    @Test
    void scoresAreSumsOfSoftmaxOverUnitMeansAndKeptRowsFollow() {
        // 4 blocks of 2 tokens, the last of 1; units of 1; one window row; one candidate of two stays.
        PruneShape shape = new PruneShape(2, 1, 1, 7, 4, 1, 1, 3, 5);
        HeadLayout heads = new HeadLayout(1, 1, 2, null, null, 0, floats(1, 2, 1, 0));
        KvPool pool = backend.allocateKv(4, 2, 1, 2, KvType.F32);
        KvView kv = KvView.of(pool, new KvView.Sequence(new int[] {3, 2, 1, 0}, 7, 7));
        float[] rows = new float[7 * 6];
        double[] logits = {0, 0, 1, 0, 0, 2, 0};
        double sum = 0;
        for (int t = 0; t < 7; t++) {
            rows[t * 6] = 1;
            rows[t * 6 + 2] = (float) logits[t];
            sum += Math.exp(logits[t]);
        }
        Tensor q = floats(7, 2, new float[14]);
        Tensor positions = backend.allocate("positions", DType.I32, 7, 1);
        ops.ropeAndStore(q, kv, floats(7, 6, rows), heads, positions);
        Tensor scores = floats(1, 4, 9, 9, 9, 9);
        ops.scoreBlocks(scores, q.rows(6, 7), kv, heads, 1, shape);
        assertThat(read(scores)[0]).isCloseTo((float) (1 / sum), ROUNDING);
        assertThat(read(scores)[1]).isCloseTo((float) (Math.E / sum), ROUNDING);
        assertThat(read(scores)[2]).isCloseTo((float) (Math.exp(2) / sum), ROUNDING);

        Tensor kept = backend.allocate("kept", DType.I32, 3, 1);
        ops.selectBlocks(kept, scores, shape);
        Tensor x = floats(7, 1, 10, 11, 12, 13, 14, 15, 16);
        ops.keepRows(x, x, kept, shape);
        assertThat(read(x)).startsWith(10, 11, 14, 15, 16);
    }

    private Tensor floats(int rows, int columns, float... values) {
        Tensor tensor = backend.allocate("t", DType.F32, rows, columns);
        ops.write(tensor, 0, values, values.length);
        return tensor;
    }

    private Weight weight(Use use, int rows, int columns, float... values) {
        return backend.load(WeightSpec.of("w", use, TestTensor.of("w", DType.F32, rows, columns, values)));
    }

    private float[] read(Tensor tensor) {
        float[] values = new float[(int) (tensor.rows() * tensor.columns())];
        Readback readback = backend.readback(values.length);
        ops.read(readback, tensor);
        readback.join();
        readback.get(0, values, values.length);
        return values;
    }
}
