package io.sliminfer.backend;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.backend.reference.ReferenceBackend;
import io.sliminfer.format.DType;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A backend under test beside the reference. Every tensor and weight exists twice; the reference's activations are what the
 * subject really holds after rounding to its compute dtype, so that only the operation itself is judged.
 */
public final class TwinBackends implements AutoCloseable {

    /** The same tensor on both. */
    public record Twin(Tensor subject, Tensor judge) {
        public Twin rows(long from, long to) {
            return new Twin(subject.rows(from, to), judge.rows(from, to));
        }
    }

    /** The same weight on both. */
    public record TwinWeight(Weight subject, Weight judge) {}

    /** The same pool on both. */
    public record TwinPool(KvPool subject, KvPool judge) {}

    /** The same layout on both. */
    public record TwinHeads(HeadLayout subject, HeadLayout judge) {}

    /** Picks one backend's half. */
    public record Side(boolean isSubject) {
        public Tensor of(Twin twin) {
            return isSubject ? twin.subject() : twin.judge();
        }

        public Weight of(TwinWeight twin) {
            return isSubject ? twin.subject() : twin.judge();
        }

        public HeadLayout of(TwinHeads twin) {
            return isSubject ? twin.subject() : twin.judge();
        }

        public KvView view(TwinPool pool, KvView.Sequence... sequences) {
            return new KvView(isSubject ? pool.subject() : pool.judge(), List.of(sequences));
        }
    }

    /** Operations that run on each backend. */
    @FunctionalInterface
    public interface Step {
        void run(Ops ops, Side on);
    }

    private final Backend subject;
    private final Backend judge = new ReferenceBackend();
    private final DType compute;
    private final double tolerance;
    private final Random random;
    private final Map<Long, Weight> identities = new HashMap<>();

    /**
     * @param tolerance largest relative L2 distance of an op's output
     */
    public TwinBackends(Backend subject, double tolerance, long seed) {
        this.subject = subject;
        this.compute = subject.info().compute();
        this.tolerance = tolerance;
        this.random = new Random(seed);
    }

    public Backend subject() {
        return subject;
    }

    public Random random() {
        return random;
    }

    /** Runs the same operations on both. */
    public void run(Step step) {
        step.run(subject.ops(), new Side(true));
        step.run(judge.ops(), new Side(false));
    }

    public TwinWeight load(WeightSpec spec) {
        return new TwinWeight(subject.load(spec), judge.load(spec));
    }

    public TwinWeight gain(int columns) {
        float[] values = gaussian(columns, 0.2);
        for (int i = 0; i < columns; i++) {
            values[i] += 1;
        }
        return load(WeightSpec.of("gain", Use.GAIN, TestTensor.of("gain", DType.F32, 1, columns, values)));
    }

    /** Heads with a RoPE table of this many positions (theta 10,000), with or without the norms of Qwen3. */
    public TwinHeads heads(int heads, int kvHeads, int headDim, boolean norms, int positions) {
        float[] table = new float[positions * headDim];
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < headDim / 2; i++) {
                double angle = p * Math.pow(10_000, -2.0 * i / headDim);
                table[p * headDim + i] = (float) Math.cos(angle);
                table[p * headDim + headDim / 2 + i] = (float) Math.sin(angle);
            }
        }
        Twin rope = floats(positions, headDim, table);
        TwinWeight query = gain(headDim);
        TwinWeight key = gain(headDim);
        return new TwinHeads(
                new HeadLayout(
                        heads,
                        kvHeads,
                        headDim,
                        norms ? query.subject() : null,
                        norms ? key.subject() : null,
                        1e-6f,
                        rope.subject()),
                new HeadLayout(
                        heads,
                        kvHeads,
                        headDim,
                        norms ? query.judge() : null,
                        norms ? key.judge() : null,
                        1e-6f,
                        rope.judge()));
    }

    /** Stores numbers as the compute dtype has them. */
    public TwinPool pool(int slots, int block, int kvHeads, int headDim) {
        return pool(slots, block, kvHeads, headDim, KvType.of(compute));
    }

    public TwinPool pool(int slots, int block, int kvHeads, int headDim, KvType type) {
        return new TwinPool(
                subject.allocateKv(slots, block, kvHeads, headDim, type),
                judge.allocateKv(slots, block, kvHeads, headDim, type));
    }

    /** Float32 on both. */
    public Twin floats(long rows, long columns, float[] values) {
        Twin twin = allocate(DType.F32, rows, columns);
        run((ops, on) -> ops.write(on.of(twin), 0, values, values.length));
        return twin;
    }

    /** Int32 {@code [values, 1]} on both. */
    public Twin ints(int... values) {
        Twin twin = allocate(DType.I32, values.length, 1);
        run((ops, on) -> ops.write(on.of(twin), values, values.length));
        return twin;
    }

    /** Random activations in compute dtype; each row's root mean square is {@code scale}. */
    public Twin activations(long rows, long columns, double scale) {
        return activations(rows, columns, gaussian(rows * columns, 1), scale);
    }

    /** The given rows as activations, each scaled to the root mean square {@code scale}. */
    public Twin activations(long rows, long columns, float[] values, double scale) {
        Twin twin = allocate(compute, rows, columns);
        normalise(twin.subject(), values, scale);
        float[] held = read(twin.subject());
        judge.ops().write(twin.judge(), 0, held, held.length);
        return twin;
    }

    /** An output in compute dtype, full of NaN. */
    public Twin output(long rows, long columns) {
        Twin twin = allocate(compute, rows, columns);
        float[] poison = poison(rows * columns);
        normalise(twin.subject(), poison, 1);
        judge.ops().write(twin.judge(), 0, poison, poison.length);
        return twin;
    }

    /** An output in float32, full of NaN. */
    public Twin floatOutput(long rows, long columns) {
        return floats(rows, columns, poison(rows * columns));
    }

    public float[] gaussian(long count, double deviation) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (deviation * random.nextGaussian());
        }
        return values;
    }

    /** What the subject holds, as floats. Other dtypes than float32 are read through a product with the identity matrix. */
    public float[] read(Tensor tensor) {
        return read(subject, tensor);
    }

    private float[] read(Backend backend, Tensor tensor) {
        Tensor source = tensor;
        if (tensor.dtype() != DType.F32) {
            source = backend.allocate("read", DType.F32, tensor.rows(), tensor.columns());
            backend.ops().linear(source, tensor, identities.computeIfAbsent(tensor.columns(), this::identity));
        }
        int count = Math.toIntExact(source.rows() * source.columns());
        Readback readback = backend.readback(count);
        backend.ops().read(readback, source);
        readback.join();
        float[] values = new float[count];
        readback.get(0, values, count);
        return values;
    }

    public int[] readInts(Tensor tensor) {
        return readInts(subject, tensor);
    }

    private static int[] readInts(Backend backend, Tensor tensor) {
        int[] values = new int[Math.toIntExact(tensor.rows() * tensor.columns())];
        Readback readback = backend.readback(values.length);
        backend.ops().read(readback, tensor);
        readback.join();
        for (int i = 0; i < values.length; i++) {
            values[i] = readback.getInt(i);
        }
        return values;
    }

    /** Fails unless both hold the same within the tolerance; the text names the first and the largest difference. */
    public void assertClose(String what, Twin twin) {
        assertClose(what, twin, tolerance);
    }

    /**
     * The same with another tolerance.
     *
     * @param largest largest relative L2 distance
     */
    public void assertClose(String what, Twin twin, double largest) {
        float[] actual = read(twin.subject());
        float[] expected = read(judge, twin.judge());
        double difference = 0;
        double size = 0;
        int worst = 0;
        for (int i = 0; i < actual.length; i++) {
            double d = actual[i] - expected[i];
            difference += d * d;
            size += (double) expected[i] * expected[i];
            if (!(Math.abs(d) <= Math.abs(actual[worst] - expected[worst]))) {
                worst = i;
            }
        }
        long columns = twin.subject().columns();
        assertThat(Math.sqrt(difference / Math.max(size, 1e-30)))
                .as(
                        "%s: relative L2 distance; largest difference in row %d, column %d: %s instead of %s",
                        what, worst / columns, worst % columns, actual[worst], expected[worst])
                .isLessThanOrEqualTo(largest);
    }

    /** Fails unless both hold the same bits. */
    public void assertSame(String what, Twin twin) {
        if (twin.subject().dtype() == DType.I32) {
            assertThat(readInts(twin.subject())).as(what).isEqualTo(readInts(judge, twin.judge()));
        } else {
            assertThat(read(twin.subject())).as(what).isEqualTo(read(judge, twin.judge()));
        }
    }

    private Twin allocate(DType dtype, long rows, long columns) {
        return new Twin(
                subject.allocate("test", dtype, rows, columns),
                judge.allocate("test", dtype == DType.I32 ? dtype : DType.F32, rows, columns));
    }

    /** Only a norm turns float32 into the compute dtype without mixing columns, so activations come from one. */
    private void normalise(Tensor to, float[] values, double scale) {
        Tensor x = subject.allocate("source", DType.F32, to.rows(), to.columns());
        subject.ops().write(x, 0, values, values.length);
        float[] gain = new float[(int) to.columns()];
        Arrays.fill(gain, (float) scale);
        Weight w = subject.load(
                WeightSpec.of("scale", Use.GAIN, TestTensor.of("scale", DType.F32, 1, to.columns(), gain)));
        subject.ops().rmsNorm(to, x, w, 1e-12f);
    }

    private Weight identity(long size) {
        float[] values = new float[Math.toIntExact(size * size)];
        for (int i = 0; i < size; i++) {
            values[(int) (i * size + i)] = 1;
        }
        return subject.load(
                WeightSpec.of("identity", Use.LINEAR, TestTensor.of("identity", DType.F32, size, size, values)));
    }

    private static float[] poison(long count) {
        float[] values = new float[Math.toIntExact(count)];
        Arrays.fill(values, Float.NaN);
        return values;
    }

    @Override
    public void close() {
        subject.close();
        judge.close();
    }
}
