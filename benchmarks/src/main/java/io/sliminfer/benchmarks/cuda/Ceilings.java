package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Copies;
import io.sliminfer.backend.DeviceClock;
import io.sliminfer.backend.DeviceClock.Queue;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.RandomTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What the device reaches where nothing else is to be done: the model's matrix products at a tile's rows, a copy on the device, a
 * product of one row with the largest matrix, which is bound by reading it, and copies of KV slots. Numbers are random, for zeros
 * can be faster. One thread.
 */
final class Ceilings {

    private static final int BATCHES = 5;
    private static final int REPEATS = 8;
    private static final long SEED = 3;

    /** Larger than any cache of a GPU; a test's backend has less to copy. */
    private static final long COPY_BYTES = 1L << 30;

    private static final long COPY_BYTES_SHARED = 16L << 20;

    private static final int KV_BLOCK = 64;
    private static final long KV_BYTES = 256L << 20;

    private final Backend backend;
    private final ModelConfig model;
    private final DType compute;
    private final int rows;
    private final DeviceClock clock;
    private final Readback landing;
    private final Tensor small;

    /**
     * @param rows of the products
     */
    Ceilings(Backend backend, ModelConfig model, int rows) {
        this.backend = backend;
        this.model = model;
        this.compute = backend.info().compute();
        this.rows = rows;
        this.clock = backend.clock();
        this.landing = backend.readback(1);
        this.small = backend.allocate("end of a batch", DType.F32, 1, 1);
    }

    /** A line of results. */
    Map<String, Object> measure() {
        backend.prepare(new Backend.WorkSize(model, rows, 1, rows, KV_BLOCK, 1), List.of());
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "ceiling");
        addProducts(line);
        line.put("copyBytesPerSecond", Spread.rounded(copyRate()));
        line.put("readBytesPerSecond", Spread.rounded(readRate()));
        addKvCopies(line);
        return line;
    }

    private void addProducts(Map<String, Object> line) {
        int hidden = model.hidden();
        Map<String, Object> byShape = new LinkedHashMap<>();
        double flops = 0;
        double seconds = 0;
        // Outputs as the engine stores them: float32 for what is rotated or added to the residual stream.
        record Shape(String name, long n, long k, boolean adds, boolean floats) {}
        List<Shape> shapes = List.of(
                new Shape("qkv", model.queryColumns() + 2L * model.kvColumns(), hidden, false, true),
                new Shape("o", hidden, model.queryColumns(), true, true),
                new Shape("gateUp", 2L * model.intermediate(), hidden, false, false),
                new Shape("down", hidden, model.intermediate(), true, true));
        for (Shape shape : shapes) {
            Weight w = matrix(shape.name, shape.n, shape.k);
            Tensor in = activations(shape.k, rows);
            Tensor out = backend.allocate(shape.name + " out", shape.floats ? DType.F32 : compute, rows, shape.n);
            double time = secondsEach(() -> {
                if (shape.adds) {
                    backend.ops().linearAdd(out, in, w);
                } else {
                    backend.ops().linear(out, in, w);
                }
            });
            double work = 2.0 * rows * shape.n * shape.k;
            byShape.put(shape.name, Spread.rounded(work / time));
            flops += work;
            seconds += time;
        }
        line.put("productRows", rows);
        line.put("flopsPerSecond", Spread.rounded(flops / seconds));
        line.put("flopsPerSecondByShape", byShape);
    }

    private Weight matrix(String name, long n, long k) {
        return backend.load(
                WeightSpec.of(name, Use.LINEAR, new RandomTensor(name, DType.BF16, n, k, SEED, 0, 1 / Math.sqrt(k))));
    }

    /** Random rows of unit size in the compute dtype. */
    private Tensor activations(long columns, int count) {
        Weight table = backend.load(WeightSpec.of(
                "rows " + columns, Use.TABLE, new RandomTensor("rows", DType.BF16, count, columns, SEED + 1, 0, 1)));
        Weight gain = backend.load(WeightSpec.of(
                "gain " + columns, Use.GAIN, new RandomTensor("gain", DType.F32, 1, columns, SEED + 2, 1, 0)));
        Tensor ids = backend.allocate("ids", DType.I32, count, 1);
        backend.ops().write(ids, IntStream.range(0, count).toArray(), count);
        Tensor x = backend.allocate("x", DType.F32, count, columns);
        backend.ops().embed(x, ids, table);
        Tensor normed = backend.allocate("in", compute, count, columns);
        backend.ops().rmsNorm(normed, x, gain, 1e-5f);
        return normed;
    }

    /** Bytes read and written. */
    private double copyRate() {
        long columns = 4096;
        long bytes = backend.info().dedicated() ? COPY_BYTES : COPY_BYTES_SHARED;
        Tensor from = backend.allocate("copied", DType.F32, bytes / 4 / columns, columns);
        Tensor to = backend.allocate("copy", DType.F32, bytes / 4 / columns, columns);
        return 2 * bytes / secondsEach(() -> backend.ops().copy(to, from));
    }

    private double readRate() {
        Weight head = matrix("head", model.vocabulary(), model.hidden());
        Tensor in = activations(model.hidden(), 1);
        Tensor out = backend.allocate("logits", DType.F32, 1, model.vocabulary());
        return head.bytes() / secondsEach(() -> backend.ops().linear(out, in, head));
    }

    private void addKvCopies(Map<String, Object> line) {
        Copies copies = backend.copies();
        if (copies == null) {
            return;
        }
        KvType type = KvType.of(compute);
        long slotBytes = type.slotBytes(KV_BLOCK, model.kvHeads(), model.headDim());
        int slots = (int) (KV_BYTES / slotBytes);
        KvPool pool = backend.allocateKv(slots, KV_BLOCK, model.kvHeads(), model.headDim(), type);
        HostPool host = copies.allocateHost(slots, slotBytes, null);
        int[] all = IntStream.range(0, slots).toArray();
        List<Double> toHost = new ArrayList<>();
        List<Double> toDevice = new ArrayList<>();
        for (int i = 0; i < BATCHES; i++) {
            toHost.add(rate(copies.toHost(pool, all, host, all), slots * slotBytes));
            toDevice.add(rate(copies.toDevice(pool, all, host, all), slots * slotBytes));
        }
        line.put("toHostBytesPerSecond", Spread.rounded(Spread.of(toHost).median()));
        line.put("toDeviceBytesPerSecond", Spread.rounded(Spread.of(toDevice).median()));
    }

    private static double rate(Fence fence, long bytes) {
        fence.join();
        return bytes / (fence.nanos() * 1e-9);
    }

    /** Median over batches of the mean time of an operation. */
    private double secondsEach(Runnable operation) {
        operation.run();
        operation.run();
        List<Double> seconds = new ArrayList<>();
        for (int batch = 0; batch < BATCHES; batch++) {
            DeviceClock.Mark start = clock.mark(Queue.COMPUTE);
            for (int i = 0; i < REPEATS; i++) {
                operation.run();
            }
            DeviceClock.Mark end = clock.mark(Queue.COMPUTE);
            backend.ops().read(landing, small);
            landing.join();
            seconds.add(end.microsSince(start) * 1e-6 / REPEATS);
            start.release();
            end.release();
        }
        return Spread.of(seconds).median();
    }
}
