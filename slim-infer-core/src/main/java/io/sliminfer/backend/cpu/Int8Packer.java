package io.sliminfer.backend.cpu;

import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.ChannelQuantiser;
import io.sliminfer.format.ChannelQuantiser.Loss;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes {@link Int8Weight}s: panels are read, quantised and packed on all workers, each with buffers for one panel. Called by the
 * engine's thread.
 */
final class Int8Packer implements AutoCloseable {

    /** Weights of a panel: they stay in a core's cache while rows pass. */
    private static final long PANEL_BYTES = 1 << 20;

    /** Inputs are unsigned: 128 stands for 0. */
    static final int ZERO = 128;

    private final SingleThreads workers;
    private final List<Bench> benches = new ArrayList<>();

    /** A model's layers have the same few shapes: the library is asked once how it packs one. */
    private final Map<Shape, Packing> packings = new HashMap<>();

    private record Shape(int padded, int outputs) {}

    /**
     * @param bytes  of a packed panel, rounded up
     * @param layout how the library lays it out, in words
     */
    private record Packing(long bytes, String layout) {

        static Packing of(Int8Products products, Shape shape) {
            return new Packing(
                    roundUp(products.packedBytes(shape.padded, shape.outputs)),
                    products.packing(shape.padded, shape.outputs));
        }
    }

    /** What a worker packs with. */
    private static final class Bench {
        private final Int8Products products = Int8Support.products();
        private final ChannelQuantiser quantiser;
        private @Nullable NativeMemory plain;
        private byte[] zeros = {};

        Bench(ChannelQuantiser quantiser) {
            this.quantiser = quantiser;
        }

        NativeMemory plain(int bytes, boolean cleared) {
            NativeMemory memory = plain;
            if (memory == null || memory.bytes() < bytes) {
                if (memory != null) {
                    memory.close();
                }
                memory = new NativeMemory("8-bit weights of a panel", bytes);
                plain = memory;
                zeros = new byte[bytes];
            }
            if (cleared) {
                memory.write(0, zeros, 0, bytes);
            }
            return memory;
        }
    }

    Int8Packer(SingleThreads workers, Int8Support support) {
        this.workers = workers;
        for (int i = 0; i < workers.threads(); i++) {
            benches.add(new Bench(
                    support == Int8Support.PAIRS
                            ? new ChannelQuantiser(Int8Support.PAIR_MAX)
                            : new ChannelQuantiser()));
        }
    }

    /** Whether the library has fast code for all panels of a weight. */
    boolean isFast(WeightSpec spec) {
        int padded = roundUp(spec.columns());
        Int8Products products = benches.get(0).products;
        return cut(spec, padded).stream()
                .mapToInt(Int8Packer::outputs)
                .distinct()
                .allMatch(outputs -> products.isFast(padded, outputs));
    }

    /** Outputs of a panel, rounded up to whole blocks. */
    private static int outputs(List<Int8Weight.Segment> segments) {
        return roundUp(segments.stream().mapToInt(Int8Weight.Segment::count).sum());
    }

    /** @throws IllegalArgumentException if the weight's parts do not fit together */
    Int8Plan plan(WeightSpec spec) {
        MappedWeight mapped = new MappedWeight(spec); // checks the parts, too
        int padded = roundUp(spec.columns());
        Int8Products products = benches.get(0).products;
        Set<Integer> described = new HashSet<>(); // two sizes: most panels', and the last one's
        StringBuilder layout = new StringBuilder(Int8Support.describe());
        List<Int8Plan.Cut> cuts = new ArrayList<>();
        long offset = 0;
        long vector = 0;
        for (List<Int8Weight.Segment> segments : cut(spec, padded)) {
            int outputs = outputs(segments);
            Packing packing =
                    packings.computeIfAbsent(new Shape(padded, outputs), shape -> Packing.of(products, shape));
            if (described.add(outputs)) {
                layout.append("\noutputs ").append(outputs).append(' ').append(packing.layout());
            }
            long packed = packing.bytes();
            cuts.add(new Int8Plan.Cut(outputs, segments, offset, packed, vector));
            offset += packed;
            vector += outputs;
        }
        return new Int8Plan(spec, mapped, padded, List.copyOf(cuts), layout.toString());
    }

    /**
     * Quantises and packs.
     *
     * @param memory owns what the panels take
     */
    Int8Panels pack(Int8Plan plan, Memory memory) {
        WeightSpec spec = plan.spec();
        NativeMemory packed = memory.take(spec.name(), plan.packedBytes());
        NativeMemory vectors = memory.take(spec.name(), plan.vectorBytes());
        List<Int8Weight.Panel> panels = plan.panels(vectors, cut -> packed.address() + cut.offset());
        Loss[] losses = new Loss[panels.size()];
        workers.run(panels.size(), (index, worker) -> {
            Int8Weight.Panel panel = panels.get(index);
            long at = (panel.scales() - vectors.address()) / 4;
            losses[index] = pack(spec, panel, plan.padded(), benches.get(worker), vectors, at);
        });
        Loss loss = Loss.NONE;
        for (Loss one : losses) {
            loss = loss.plus(one);
        }
        return new Int8Panels(panels, loss, List.of());
    }

    /** Where memory comes from. */
    @FunctionalInterface
    interface Memory {
        NativeMemory take(String name, long bytes);
    }

    private static Loss pack(
            WeightSpec spec, Int8Weight.Panel panel, int padded, Bench bench, NativeMemory vectors, long at) {
        int used = panel.segments().stream().mapToInt(Int8Weight.Segment::count).sum();
        boolean whole = used == panel.outputs() && spec.columns() == padded; // all of it is written
        NativeMemory plain = bench.plain(panel.outputs() * padded, !whole);
        float[] scales = new float[panel.outputs()];
        float[] offsets = new float[panel.outputs()];
        Loss loss = Loss.NONE;
        for (Int8Weight.Segment segment : panel.segments()) {
            long first = 0;
            for (TensorSource part : spec.parts()) {
                long from = Math.max(segment.row(), first);
                long to = Math.min(segment.row() + segment.count(), first + part.rows());
                long shift = first - segment.row() + segment.local();
                if (from < to) {
                    loss = loss.plus(bench.quantiser.quantise(part, from - first, to - first, (row, values, scale) -> {
                        int local = (int) (row + shift);
                        plain.write((long) local * padded, values, 0, values.length);
                        scales[local] = scale;
                        offsets[local] = -ZERO * (float) bench.quantiser.lastSum() * scale;
                    }));
                }
                first += part.rows();
            }
        }
        vectors.write(at, scales, 0, scales.length);
        vectors.write(at + scales.length, offsets, 0, offsets.length);
        bench.products.pack(padded, panel.outputs()).execute(plain.address(), panel.weights());
        return loss;
    }

    /** Outputs of each panel. Two matrices of one size may be gate and up: then a panel has the same rows of both. */
    private List<List<Int8Weight.Segment>> cut(WeightSpec spec, int padded) {
        boolean paired = spec.parts().size() == 2
                && spec.parts().get(0).rows() == spec.parts().get(1).rows();
        long rows = paired ? spec.rows() / 2 : spec.rows();
        int block = paired ? Int8Products.BLOCK / 2 : Int8Products.BLOCK;
        long cached = PANEL_BYTES / padded / (paired ? 2 : 1);
        long shared = (rows + workers.threads() - 1) / workers.threads();
        int step = (int) Math.max(block, (Math.min(cached, shared) + block - 1) / block * block);
        List<List<Int8Weight.Segment>> panels = new ArrayList<>();
        for (long row = 0; row < rows; row += step) {
            int count = (int) Math.min(step, rows - row);
            panels.add(
                    paired
                            ? List.of(
                                    new Int8Weight.Segment(0, row, count),
                                    new Int8Weight.Segment(count, rows + row, count))
                            : List.of(new Int8Weight.Segment(0, row, count)));
        }
        return panels;
    }

    private static int roundUp(long count) {
        return Math.toIntExact((count + Int8Products.BLOCK - 1) / Int8Products.BLOCK * Int8Products.BLOCK);
    }

    @Override
    public void close() {
        for (Bench bench : benches) {
            bench.products.close();
            if (bench.plain != null) {
                bench.plain.close();
                bench.plain = null;
            }
        }
        benches.clear();
    }
}
