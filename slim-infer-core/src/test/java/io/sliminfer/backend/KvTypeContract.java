package io.sliminfer.backend;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.TwinBackends.Twin;
import io.sliminfer.backend.TwinBackends.TwinHeads;
import io.sliminfer.backend.TwinBackends.TwinPool;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneShape;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * How every backend stores keys and values, for each {@link KvType}, compared with the reference with the same type.
 *
 * <p>Most tests give all tokens position 0, where RoPE changes no bit: both sides then round the same numbers and may differ only
 * as far as the backend's attention does.
 */
public abstract class KvTypeContract {

    /**
     * Where RoPE and norm ran before, numbers differ in their last bit, and one that lies between two steps of the type can fall to
     * either. That is one step (1/127 of a head's largest number) in about 10,000 numbers.
     */
    private static final double ROUNDED_EITHER_WAY = 1e-3;

    private TwinBackends twins;
    private double tolerance;

    /** A new backend; the contract closes it. */
    protected abstract Backend open();

    /** Largest relative L2 distance of attention from the reference's over the same stored numbers. */
    protected abstract double tolerance();

    @BeforeEach
    void openBackends() {
        tolerance = tolerance();
        twins = new TwinBackends(open(), tolerance, 20270203);
    }

    @AfterEach
    void closeBackends() {
        if (twins != null) { // null where the backend does not run and its tests are skipped
            twins.close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        // type, heads, kvHeads, headDim, block
        "F32, 4, 2, 64, 16",
        "F16, 4, 2, 64, 16",
        "F16, 1, 1, 34, 5",
        "F16, 8, 1, 128, 100",
        "F16, 6, 2, 80, 64",
        "BF16, 4, 2, 64, 16",
        "BF16, 1, 1, 34, 5",
        "BF16, 8, 1, 128, 100",
        "BF16, 6, 2, 80, 64",
        "INT8, 4, 2, 64, 16",
        "INT8, 1, 1, 34, 5",
        "INT8, 8, 1, 128, 100",
        "INT8, 6, 2, 80, 64",
        "INT8, 4, 4, 32, 1",
        "INT8, 2, 1, 6, 7"
    })
    protected void attendsOverWhatTilesAndSingleTokensStored(
            KvType type, int heads, int kvHeads, int headDim, int block) {
        TwinHeads layout = twins.heads(heads, kvHeads, headDim, false, 1);
        int blocks = 340 / block + 2;
        TwinPool pool = twins.pool(blocks + 3, block, kvHeads, headDim, type);
        int[] slots = shuffled(blocks + 3);
        int[] other = {slots[blocks], slots[blocks + 1], slots[blocks + 2]};
        // Tiles that end inside blocks, then decode over several block borders.
        for (int[] tile : new int[][] {{70, 70}, {71, 1}, {170, 99}, {177, 7}, {307, 130}}) {
            attend(layout, pool, random(layout, tile[1], 1), sequence(slots, tile[0], tile[1]));
        }
        attend(
                layout,
                pool,
                random(layout, Math.min(3, block), 1),
                sequence(other, Math.min(3, block), Math.min(3, block)));
        for (int token = 308; token < 330; token++) {
            attend(
                    layout,
                    pool,
                    random(layout, 2, 1),
                    sequence(slots, token, 1),
                    sequence(other, Math.min(3, block) + 1, 1));
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    protected void storesRotatedAndNormalisedKeys(KvType type) {
        TwinHeads layout = twins.heads(8, 2, 96, true, 400);
        TwinPool pool = twins.pool(14, 16, 2, 96, type);
        int[] slots = shuffled(14);
        double largest = Math.max(tolerance, ROUNDED_EITHER_WAY);
        for (int[] tile : new int[][] {{70, 70}, {71, 1}, {170, 99}, {171, 1}}) {
            int[] positions =
                    IntStream.range(tile[0] - tile[1], tile[0]).map(t -> 2 * t).toArray();
            KvView.Sequence sequence = sequence(slots, tile[0], tile[1]);
            attend(layout, pool, random(layout, tile[1], 1), positions, largest, sequence);
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    protected void takesInLargerAndLargerAndSmallerAndSmallerTokens(KvType type) {
        TwinHeads layout = twins.heads(4, 2, 64, false, 1);
        for (double factor : new double[] {1.3, 0.7, 4}) {
            TwinPool pool = twins.pool(3, 24, 2, 64, type);
            int[] slots = shuffled(3);
            double size = 1e-2;
            attend(layout, pool, random(layout, 5, size), sequence(slots, 5, 5));
            // With a factor of 4 the first values of a block are in the end below half of a step of its last.
            for (int token = 6; token <= (factor == 4 ? 10 : 60); token++) {
                size = token % 24 == 1 ? 1e-2 : size * factor;
                attend(layout, pool, scaledValues(layout, 1, size), sequence(slots, token, 1));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    protected void zerosStayZerosUntilSomethingElseComes(KvType type) {
        TwinHeads layout = twins.heads(4, 2, 64, false, 1);
        TwinPool pool = twins.pool(3, 16, 2, 64, type);
        int[] slots = shuffled(3);
        Twin zeros = attend(layout, pool, new float[20 * 512], sequence(slots, 20, 20));
        assertThat(twins.read(zeros.subject())).containsOnly(0);
        attend(layout, pool, new float[512], sequence(slots, 21, 1));
        attend(layout, pool, random(layout, 1, 1), sequence(slots, 22, 1));
        attend(layout, pool, random(layout, 11, 1), sequence(slots, 33, 11));
    }

    @ParameterizedTest
    @CsvSource({
        "F32, 1e-30",
        "F32, 1e30",
        "F16, 1e-3",
        "F16, 1e4",
        "BF16, 1e-30",
        "BF16, 1e30",
        "INT8, 1e-30",
        "INT8, 1e-38",
        "INT8, 1e30"
    })
    protected void holdsExtremeValues(KvType type, double size) {
        TwinHeads layout = twins.heads(4, 2, 64, false, 1);
        TwinPool pool = twins.pool(4, 16, 2, 64, type);
        int[] slots = shuffled(4);
        attend(layout, pool, scaledValues(layout, 37, size), sequence(slots, 37, 37));
        attend(layout, pool, scaledValues(layout, 1, size), sequence(slots, 38, 1));
        attend(layout, pool, scaledValues(layout, 1, size / 1000), sequence(slots, 39, 1));
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    protected void headsKeysAndValuesDoNotShareTheirPrecision(KvType type) {
        TwinHeads layout = twins.heads(2, 2, 64, false, 1);
        TwinPool pool = twins.pool(3, 16, 2, 64, type);
        int[] slots = shuffled(3);
        // q, k and v of two heads: head 0 has small keys and large values, head 1 the opposite.
        double[] sizes = {1, 0.1, 0.01, 8, 500, 0.01};
        float[] rows = twins.gaussian(40 * 6 * 64, 1);
        for (int i = 0; i < rows.length; i++) {
            rows[i] *= (float) sizes[i / 64 % 6];
        }
        attend(layout, pool, rows, sequence(slots, 40, 40));
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    protected void whatAFormerOwnerLeftChangesNoBit(KvType type) {
        TwinHeads layout = twins.heads(4, 2, 64, false, 1);
        int[] slots = {2, 0, 1};
        float[] prompt = random(layout, 19, 1);
        float[] zeros = new float[512];
        float[] token = random(layout, 1, 1);
        List<float[]> results = new ArrayList<>();
        for (float left : new float[] {0, 1e9f, Float.NaN, Float.POSITIVE_INFINITY}) {
            KvPool pool = twins.subject().allocateKv(3, 16, 2, 64, type);
            float[] rows = new float[48 * 512];
            Arrays.fill(rows, left);
            store(layout.subject(), pool, rows, sequence(slots, 48, 48));
            float[] all = Arrays.copyOf(store(layout.subject(), pool, prompt, sequence(slots, 19, 19)), 21 * 256);
            System.arraycopy(store(layout.subject(), pool, zeros, sequence(slots, 20, 1)), 0, all, 19 * 256, 256);
            System.arraycopy(store(layout.subject(), pool, token, sequence(slots, 21, 1)), 0, all, 20 * 256, 256);
            results.add(all);
        }
        assertThat(results.get(0)).doesNotContain(Float.NaN);
        assertThat(results.subList(1, 4))
                .allSatisfy(result -> assertThat(result).isEqualTo(results.get(0)));
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    protected void whichSlotsHoldASequenceMakesNoDifferenceNotInTheLastBit(KvType type) {
        TwinHeads layout = twins.heads(4, 2, 64, false, 1500);
        KvPool pool = twins.subject().allocateKv(90, 16, 2, 64, type);
        int[] neighbours = IntStream.range(0, 45).toArray();
        int[] scattered = Arrays.stream(shuffled(45)).map(slot -> 45 + slot).toArray();
        float[] prompt = random(layout, 600, 1);
        float[] tile = random(layout, 37, 2);
        float[] token = random(layout, 1, 3);
        List<float[]> results = new ArrayList<>();
        for (int[] slots : List.of(neighbours, scattered, neighbours)) {
            results.add(store(layout.subject(), pool, prompt, sequence(slots, 600, 600)));
            results.add(store(layout.subject(), pool, tile, sequence(slots, 637, 37)));
            results.add(store(layout.subject(), pool, token, sequence(slots, 638, 1)));
        }
        for (int i = 0; i < 3; i++) {
            assertThat(results.get(3 + i)).as("scattered, step %d", i).isEqualTo(results.get(i));
            assertThat(results.get(6 + i)).as("again, step %d", i).isEqualTo(results.get(i));
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    protected void numbersThatAreNoneShow(KvType type) {
        TwinHeads layout = twins.heads(1, 1, 64, false, 1);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            KvPool pool = twins.subject().allocateKv(2, 16, 1, 64, type);
            float[] rows = random(layout, 20, 1);
            rows[7 * 192 + 128 + 5] = bad; // a value of token 7
            int[] slots = {0, 1};
            store(layout.subject(), pool, rows, sequence(slots, 20, 20));
            float[] next = store(layout.subject(), pool, random(layout, 1, 1), sequence(slots, 21, 1));
            assertThat(Float.isFinite(next[5])).as("element 5 after %s", bad).isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({
        // type, slot, block, unit
        "F32, 16, 16, 8",
        "F16, 16, 16, 8",
        "F16, 5, 16, 3",
        "BF16, 16, 16, 8",
        "BF16, 40, 7, 3",
        "INT8, 16, 16, 8",
        "INT8, 5, 16, 3",
        "INT8, 64, 10, 8"
    })
    protected void scoresBlocksByStoredKeys(KvType type, int slot, int block, int unit) {
        TwinHeads layout = twins.heads(4, 2, 64, false, 1);
        int count = 170 / slot + 3;
        TwinPool pool = twins.pool(count, slot, 2, 64, type);
        int[] slots = shuffled(count);
        attend(layout, pool, random(layout, 170, 1), sequence(slots, 170, 170));
        PruneSchedule schedule = new PruneSchedule(block, unit, 8, 16, List.of(new PruneStep(0, Budget.parse("0.5"))));
        PruneShape shape = PrunePlan.of(schedule, 170, 2).stages().get(0).decision();
        Twin window = twins.activations(8, 256, 4);
        Twin scores = twins.floatOutput(1, shape.liveBlocks());
        twins.run((ops, on) -> ops.scoreBlocks(
                on.of(scores), on.of(window), on.view(pool, sequence(slots, 170, 0)), on.of(layout), 0.125f, shape));
        twins.assertClose("scores", scores);
    }

    @ParameterizedTest
    @CsvSource({"F32, 16384", "F16, 8192", "BF16, 8192", "INT8, 4112"})
    protected void saysItsTypeAndItsBytes(KvType type, long bytes) {
        KvPool pool = twins.subject().allocateKv(3, 16, 2, 64, type);
        assertThat(pool.type()).isEqualTo(type);
        assertThat(pool.slotBytes()).isEqualTo(bytes);
    }

    // ---- helpers

    private static KvView.Sequence sequence(int[] slots, int tokens, int queries) {
        return new KvView.Sequence(slots, tokens, queries);
    }

    private int[] shuffled(int count) {
        List<Integer> slots = new ArrayList<>(IntStream.range(0, count).boxed().toList());
        Collections.shuffle(slots, twins.random());
        return slots.stream().mapToInt(i -> i).toArray();
    }

    private static int columns(HeadLayout heads) {
        return heads.queryColumns() + 2 * heads.kvColumns();
    }

    private float[] random(TwinHeads layout, int rows, double size) {
        return twins.gaussian((long) rows * columns(layout.subject()), size);
    }

    /** Rows whose values, and only they, have this size. */
    private float[] scaledValues(TwinHeads layout, int rows, double size) {
        HeadLayout heads = layout.subject();
        float[] qkv = random(layout, rows, 1);
        for (int i = 0; i < qkv.length; i++) {
            if (i % columns(heads) >= heads.queryColumns() + heads.kvColumns()) {
                qkv[i] *= (float) size;
            }
        }
        return qkv;
    }

    /** Stores and attends rows at position 0 and compares. */
    private Twin attend(TwinHeads layout, TwinPool pool, float[] qkv, KvView.Sequence... sequences) {
        int rows = qkv.length / columns(layout.subject());
        return attend(layout, pool, qkv, new int[rows], tolerance, sequences);
    }

    private Twin attend(
            TwinHeads layout,
            TwinPool pool,
            float[] qkv,
            int[] positions,
            double largest,
            KvView.Sequence... sequences) {
        HeadLayout heads = layout.subject();
        Twin position = twins.ints(positions);
        Twin in = twins.floats(positions.length, columns(heads), qkv);
        Twin q = twins.output(positions.length, heads.queryColumns());
        Twin out = twins.output(positions.length, heads.queryColumns());
        float scale = (float) (1 / Math.sqrt(heads.headDim()));
        twins.run((ops, on) -> {
            KvView view = on.view(pool, sequences);
            ops.ropeAndStore(on.of(q), view, on.of(in), on.of(layout), on.of(position));
            ops.attend(on.of(out), on.of(q), view, on.of(layout), scale);
        });
        String what = Arrays.stream(sequences)
                .map(s -> s.queries() + " of " + s.tokens())
                .toList()
                .toString();
        twins.assertClose(pool.subject().type() + ", " + what, out, largest);
        return out;
    }

    /** The subject's attention of rows at position 0, after storing them. */
    private float[] store(HeadLayout heads, KvPool pool, float[] qkv, KvView.Sequence sequence) {
        int rows = sequence.queries();
        Ops ops = twins.subject().ops();
        Tensor in = twins.floats(rows, columns(heads), qkv).subject();
        Tensor q = twins.output(rows, heads.queryColumns()).subject();
        KvView view = KvView.of(pool, sequence);
        ops.ropeAndStore(q, view, in, heads, twins.ints(new int[rows]).subject());
        ops.attend(q, q, view, heads, 0.125f);
        return twins.read(q);
    }
}
