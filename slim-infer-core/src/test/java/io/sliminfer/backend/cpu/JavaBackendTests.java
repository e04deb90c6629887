package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendContract;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.TestTensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.DType;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneShape;
import io.sliminfer.prune.PruneStep;
import java.util.List;
import java.util.Random;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

class JavaBackendTests extends BackendContract {

    @Override
    protected Backend open() {
        return new JavaBackend(new BackendSettings(null, 2));
    }

    @Override
    protected double tolerance() {
        return 3e-6;
    }

    @Test
    void resultsDoNotDependOnTheNumberOfThreads() {
        float[] one = layer(1);
        assertThat(one).doesNotContain(Float.NaN).hasSize(300 * 96 + 5 * 96 + 19);
        assertThat(layer(2)).isEqualTo(one);
        assertThat(layer(3)).isEqualTo(one);
    }

    /** Hidden rows after a layer over 300 tokens, after one over 5 more, and the block scores of the first. */
    private static float[] layer(int threads) {
        Random random = new Random(11);
        try (Backend backend = new JavaBackend(new BackendSettings(DType.F32, threads))) {
            Ops ops = backend.ops();
            float[] hidden = new float[305 * 96];
            for (int i = 0; i < hidden.length; i++) {
                hidden[i] = (float) random.nextGaussian();
            }
            Tensor x = backend.allocate("x", DType.F32, 305, 96);
            ops.write(x, 0, hidden, hidden.length);
            Weight gain = weight(backend, Use.GAIN, 1, 96, random);
            Weight qkv = weight(backend, Use.LINEAR, 256, 96, random);
            Weight output = weight(backend, Use.LINEAR, 96, 128, random);
            Weight gateUp = weight(backend, Use.LINEAR, 2 * 130, 96, random);
            Weight down = weight(backend, Use.LINEAR, 96, 130, random);
            Tensor rope = backend.allocate("rope", DType.F32, 1, 32);
            ops.write(rope, 0, hidden, 32);
            HeadLayout heads = new HeadLayout(4, 2, 32, null, null, 1e-6f, rope);
            KvPool kvPool = backend.allocateKv(20, 16, 2, 32, KvType.INT8);
            int[] slots = new int[20];
            for (int i = 0; i < 20; i++) {
                slots[i] = (i * 7 + 3) % 20;
            }
            PruneShape shape = PrunePlan.of(
                            new PruneSchedule(16, 4, 70, 16, List.of(new PruneStep(0, Budget.parse("0.5")))), 300, 2)
                    .stages()
                    .get(0)
                    .decision();
            Tensor scores = backend.allocate("scores", DType.F32, 1, shape.liveBlocks());
            for (int[] range : new int[][] {{0, 300}, {300, 305}}) {
                int rows = range[1] - range[0];
                Tensor part = x.rows(range[0], range[1]);
                Tensor normed = backend.allocate("normed", DType.F32, rows, 96);
                Tensor split = backend.allocate("qkv", DType.F32, rows, 256);
                Tensor q = backend.allocate("q", DType.F32, rows, 128);
                Tensor gated = backend.allocate("gated", DType.F32, rows, 130);
                Tensor positions = backend.allocate("positions", DType.I32, rows, 1);
                KvView kv = KvView.of(kvPool, new KvView.Sequence(slots, range[1], rows));
                ops.rmsNorm(normed, part, gain, 1e-6f);
                ops.linear(split, normed, qkv);
                ops.ropeAndStore(q, kv, split, heads, positions);
                if (range[0] == 0) {
                    ops.scoreBlocks(scores, q.rows(230, 300), kv, heads, 0.2f, shape);
                }
                ops.attend(q, q, kv, heads, 0.2f);
                ops.linearAdd(part, q, output);
                ops.rmsNorm(normed, part, gain, 1e-6f);
                ops.gatedLinear(gated, normed, gateUp);
                ops.linearAdd(part, gated, down);
            }
            float[] result = new float[305 * 96 + shape.liveBlocks()];
            Readback readback = backend.readback(305 * 96);
            ops.read(readback, x);
            readback.join();
            readback.get(0, result, 305 * 96);
            ops.read(readback, scores);
            readback.join();
            for (int rank = 0; rank < shape.liveBlocks(); rank++) {
                result[305 * 96 + rank] = readback.getFloat(rank);
            }
            return result;
        }
    }

    private static Weight weight(Backend backend, Use use, int rows, int columns, Random random) {
        return backend.load(WeightSpec.of("w", use, TestTensor.random("w", DType.BF16, rows, columns, random, 0.1)));
    }

    @Test
    void isFoundByItsProvider() {
        BackendProvider provider = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(found -> found.name().equals("java"))
                .findFirst()
                .orElseThrow();
        assertThat(provider.priority()).isZero();
        assertThat(provider.availability().usable()).isTrue();
        assertThat(provider.availability().reason()).contains("several times slower");
        try (Backend backend = provider.open(BackendSettings.defaults())) {
            assertThat(backend).isInstanceOf(JavaBackend.class);
            assertThat(backend.info().compute()).isEqualTo(DType.F32);
        }
    }

    @Test
    void refusesAComputeDtypeThatItLacks() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new JavaBackend(new BackendSettings(DType.BF16, 1)))
                .withMessageContaining("computes in F32, asked for is BF16");
    }

    @Test
    void refusesWeightsInEightBits() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new JavaBackend(new BackendSettings(null, 1).withWeights(WeightPrecision.INT8)))
                .withMessageContaining("slim-infer.weights=int8")
                .withMessageContaining("backend=cpu");
    }

    @Test
    void isUselessOnceClosed() {
        Backend backend = open();
        backend.close();
        backend.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> backend.allocate("x", DType.F32, 1, 1))
                .withMessageContaining("closed");
    }
}
