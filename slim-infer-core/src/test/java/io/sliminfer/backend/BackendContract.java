package io.sliminfer.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.TwinBackends.Twin;
import io.sliminfer.backend.TwinBackends.TwinHeads;
import io.sliminfer.backend.TwinBackends.TwinPool;
import io.sliminfer.backend.TwinBackends.TwinWeight;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.DType;
import io.sliminfer.format.TensorSource;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneShape;
import io.sliminfer.prune.PruneStep;
import io.sliminfer.prune.UnitAggregation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every backend must do, op by op, compared with {@link io.sliminfer.backend.reference.ReferenceBackend} on seeded random data.
 * Outputs are full of NaN before an op runs. A backend's test extends this class and says how it is opened and how far its results
 * may be from the reference.
 */
public abstract class BackendContract {

    private TwinBackends twins;

    /** A new backend; the contract closes it. */
    protected abstract Backend open();

    /** Largest relative L2 distance of an op's output from the reference's. */
    protected abstract double tolerance();

    @BeforeEach
    void openBackends() {
        twins = new TwinBackends(open(), tolerance(), 20261124);
    }

    @AfterEach
    void closeBackends() {
        if (twins != null) { // null where the backend does not run and its tests are skipped
            twins.close();
            twins.close();
        }
    }

    // ---- data in and out

    @Test
    protected void writtenValuesAreReadBack() {
        float[] values = twins.gaussian(15, 1);
        Twin floats = twins.floatOutput(5, 3);
        twins.run((ops, on) -> {
            ops.write(on.of(floats), 0, values, 15);
            ops.write(on.of(floats), 3, new float[] {1, 2, 3, 4}, 4);
        });
        float[] expected = values.clone();
        System.arraycopy(new float[] {1, 2, 3, 4}, 0, expected, 9, 4);
        assertThat(twins.read(floats.subject())).isEqualTo(expected);
        assertThat(twins.read(floats.subject().rows(1, 3))).isEqualTo(Arrays.copyOfRange(expected, 3, 9));

        Twin ints = twins.ints(7, -1, Integer.MAX_VALUE, Integer.MIN_VALUE);
        twins.run((ops, on) -> ops.write(on.of(ints), new int[] {5, 6, 99}, 2));
        assertThat(twins.readInts(ints.subject())).containsExactly(5, 6, Integer.MAX_VALUE, Integer.MIN_VALUE);
    }

    @Test
    protected void newTensorsAreZero() {
        assertThat(twins.read(twins.subject().allocate("zeros", DType.F32, 3, 5)))
                .containsOnly(0);
        assertThat(twins.read(
                        twins.subject().allocate("zeros", twins.subject().info().compute(), 3, 5)))
                .containsOnly(0);
    }

    @Test
    protected void copiesFloatsIntsAndActivations() {
        Twin floats = twins.floats(4, 3, twins.gaussian(12, 1));
        Twin to = twins.floatOutput(2, 3);
        Twin ints = twins.ints(1, 2, 3, 4);
        Twin toInts = twins.ints(0, 0);
        Twin activations = twins.activations(4, 32, 1);
        Twin toActivations = twins.output(4, 32);
        twins.run((ops, on) -> {
            ops.copy(on.of(to), on.of(floats.rows(1, 3)));
            ops.copy(on.of(toInts), on.of(ints.rows(2, 4)));
            ops.copy(on.of(toActivations), on.of(activations));
        });
        twins.assertSame("floats", to);
        twins.assertSame("ints", toInts);
        twins.assertSame("activations", toActivations);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    protected void embedLooksRowsUp(DType dtype) {
        for (int columns : new int[] {1, 33, 64, 1100}) {
            TwinWeight table = twins.load(WeightSpec.of("table", Use.TABLE, random(dtype, 19, columns)));
            Twin ids = twins.ints(18, 0, 5, 5, 7, 1, 1, 1);
            Twin x = twins.floatOutput(8, columns);
            twins.run((ops, on) -> ops.embed(on.of(x.rows(1, 6)), on.of(ids), on.of(table)));
            // A backend may keep weights of other dtypes in the one that it computes in.
            twins.assertClose(dtype + " x " + columns, x.rows(1, 6));
            assertThat(twins.read(x.rows(6, 8).subject())).containsOnly(Float.NaN);
        }
    }

    // ---- norm and products

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "1, 64, 1", "7, 33, 1", "70, 100, 1e4", "3, 2048, 1e-4", "5, 96, 0"})
    protected void rmsNormScalesEachRow(int rows, int columns, double deviation) {
        Twin x = twins.floats(rows, columns, twins.gaussian((long) rows * columns, deviation));
        TwinWeight gain = twins.gain(columns);
        Twin out = twins.output(rows, columns);
        twins.run((ops, on) -> ops.rmsNorm(on.of(out), on.of(x), on.of(gain), 1e-6f));
        twins.assertClose("rmsNorm", out);
    }

    @ParameterizedTest
    @CsvSource({
        "1, 64, 64",
        "1, 37, 1",
        "3, 2100, 70",
        "7, 1030, 33",
        "19, 129, 40",
        "20, 129, 40",
        "2, 2048, 70",
        "11, 96, 65",
        "12, 33, 33",
        "13, 64, 31",
        "40, 1100, 97",
        "256, 40, 34",
        "257, 64, 35",
        "300, 130, 64"
    })
    protected void linearMultipliesByTheTransposedWeight(int rows, int in, int out) {
        for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
            Twin x = twins.activations(rows, in, 1);
            TwinWeight plain = twins.load(WeightSpec.of("plain", Use.LINEAR, random(dtype, out, in)));
            TwinWeight biased = twins.load(new WeightSpec(
                    "biased", List.of(random(dtype, out, in)), List.of(random(dtype, 1, out)), Use.LINEAR));
            Twin computed = twins.output(rows, out);
            Twin floats = twins.floatOutput(rows, out);
            twins.run((ops, on) -> {
                ops.linear(on.of(computed), on.of(x), on.of(biased));
                ops.linear(on.of(floats), on.of(x), on.of(plain));
            });
            twins.assertClose(dtype + ", bias, compute dtype", computed);
            twins.assertClose(dtype + ", float32", floats);
            twins.run((ops, on) -> ops.linearAdd(on.of(floats), on.of(x), on.of(biased)));
            twins.assertClose(dtype + ", added", floats);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 50})
    protected void linearStacksPartsAndTheirBiases(int rows) {
        List<TensorSource> parts =
                List.of(random(DType.BF16, 45, 64), random(DType.BF16, 1, 64), random(DType.BF16, 29, 64));
        List<TensorSource> biases =
                List.of(random(DType.F32, 1, 45), random(DType.F32, 1, 1), random(DType.F32, 1, 29));
        TwinWeight w = twins.load(new WeightSpec("stacked", parts, biases, Use.LINEAR));
        assertThat(w.subject().rows()).isEqualTo(75);
        assertThat(w.subject().columns()).isEqualTo(64);
        Twin x = twins.activations(rows, 64, 1);
        Twin out = twins.output(rows, 75);
        twins.run((ops, on) -> ops.linear(on.of(out), on.of(x), on.of(w)));
        twins.assertClose("stacked", out);
    }

    @Test
    protected void linearWorksOnViewsAndLeavesOtherRowsAlone() {
        Twin x = twins.activations(40, 64, 1);
        Twin floats = twins.floats(40, 48, twins.gaussian(40 * 48, 1));
        TwinWeight w = twins.load(WeightSpec.of("w", Use.LINEAR, random(DType.BF16, 48, 64)));
        twins.run((ops, on) -> {
            ops.linear(on.of(floats.rows(3, 5)), on.of(x.rows(7, 9)), on.of(w));
            ops.linear(on.of(floats.rows(10, 33).rows(1, 21)), on.of(x.rows(20, 40)), on.of(w));
        });
        twins.assertClose("views", floats);
        twins.assertSame("rows before", floats.rows(0, 3));
        twins.assertSame("rows between", floats.rows(5, 11));
        twins.assertSame("rows after", floats.rows(31, 40));
    }

    @Test
    protected void tableServesAsOutputLayerToo() {
        TwinWeight table = twins.load(WeightSpec.of("tied", Use.TABLE, random(DType.BF16, 211, 64)));
        Twin x = twins.activations(3, 64, 1);
        Twin logits = twins.floatOutput(3, 211);
        twins.run((ops, on) -> ops.linear(on.of(logits), on.of(x), on.of(table)));
        twins.assertClose("logits", logits);
    }

    @ParameterizedTest
    @CsvSource({"1, 64, 48, 1", "5, 33, 31, 1", "70, 96, 65, 1", "260, 64, 40, 1", "20, 64, 40, 60"})
    protected void gatedLinearIsSwiGlu(int rows, int hidden, int width, double scale) {
        Twin x = twins.activations(rows, hidden, scale);
        for (DType dtype : List.of(DType.F32, DType.BF16)) {
            TwinWeight plain = twins.load(new WeightSpec(
                    "plain",
                    List.of(random(dtype, width, hidden), random(dtype, width, hidden)),
                    List.of(),
                    Use.LINEAR));
            TwinWeight biased = twins.load(new WeightSpec(
                    "biased",
                    List.of(random(dtype, width, hidden), random(dtype, width, hidden)),
                    List.of(random(dtype, 1, width), random(dtype, 1, width)),
                    Use.LINEAR));
            for (TwinWeight w : List.of(plain, biased)) {
                Twin out = twins.output(rows, width);
                twins.run((ops, on) -> ops.gatedLinear(on.of(out), on.of(x), on.of(w)));
                twins.assertClose("gatedLinear", out);
            }
        }
    }

    // ---- attention

    @ParameterizedTest
    @CsvSource({
        "1, 1, 32, false",
        "4, 4, 64, false",
        "4, 2, 80, false",
        "8, 2, 96, true",
        "8, 1, 128, true",
        "6, 2, 64, false"
    })
    protected void attendsOverPrefillInTilesAndDecodeInABatch(int heads, int kvHeads, int headDim, boolean norms) {
        TwinHeads layout = twins.heads(heads, kvHeads, headDim, norms, 400);
        TwinPool pool = twins.pool(40, 16, kvHeads, headDim);
        int[] slots = shuffledSlots(40);
        int[] longSlots = Arrays.copyOfRange(slots, 0, 12);
        int[] shortSlots = Arrays.copyOfRange(slots, 12, 15);
        int[] oneSlot = {slots[20], 0, 0};

        // Tiles of one prompt: 70, 1 and 99 of 170 rows, the last block short.
        attend(layout, pool, sequence(longSlots, 70, 70));
        attend(layout, pool, sequence(longSlots, 71, 1));
        attend(layout, pool, sequence(longSlots, 170, 99));
        attend(layout, pool, sequence(shortSlots, 33, 33));
        // A decode batch, one sequence at its first token, then mixed with a prompt's tile.
        attend(layout, pool, sequence(longSlots, 171, 1), sequence(shortSlots, 34, 1), sequence(oneSlot, 1, 1));
        attend(layout, pool, sequence(shortSlots, 35, 1), sequence(longSlots, 191, 20), sequence(oneSlot, 2, 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 64, 100})
    protected void attendsOverBlocksOfAnySize(int block) {
        TwinHeads layout = twins.heads(4, 2, 64, false, 400);
        TwinPool pool = twins.pool(150 / block + 2, block, 2, 64);
        attend(layout, pool, sequence(shuffledSlots(150 / block + 2), 130, 130));
        attend(layout, pool, sequence(shuffledSlots(150 / block + 2), 1, 1));
    }

    @Test
    protected void largeScoresNeitherOverflowNorSpread() {
        TwinHeads layout = twins.heads(2, 1, 64, false, 400);
        TwinPool pool = twins.pool(4, 16, 1, 64);
        // All queries and keys have one direction and position 0. Rows 4, 17, 30 and 43 score about 500 among
        // themselves; rows before
        // them see only small scores.
        float[] rows = new float[50 * 256];
        float[] direction = twins.gaussian(64, 1);
        for (int row = 0; row < 50; row++) {
            float size = row % 13 == 4 ? 30 : 0.01f;
            for (int i = 0; i < 192; i++) {
                rows[row * 256 + i] = direction[i % 64] * size;
            }
            System.arraycopy(twins.gaussian(64, 1), 0, rows, row * 256 + 192, 64);
        }
        int[] positions = new int[50];
        // Rows before the first large one see only their like, at equal scores; later ones see one key far above the
        // others.
        twinAttend(layout, pool, rows, positions, sequence(shuffledSlots(4), 50, 50));
    }

    @Test
    protected void whatAnotherRequestLeftInASlotIsNotSeen() {
        TwinHeads layout = twins.heads(4, 2, 64, false, 400);
        TwinPool pool = twins.pool(3, 16, 2, 64);
        int[] slots = {2, 0, 1};
        float[] poison = new float[48 * layout.subject().queryColumns() * 2];
        Arrays.fill(poison, Float.NaN);
        Twin poisoned = twins.floats(48, layout.subject().queryColumns() * 2L, poison);
        Twin q = twins.output(48, layout.subject().queryColumns());
        Twin positions = twins.ints(new int[48]);
        twins.run((ops, on) -> ops.ropeAndStore(
                on.of(q), on.view(pool, sequence(slots, 48, 48)), on.of(poisoned), on.of(layout), on.of(positions)));
        attend(layout, pool, sequence(slots, 19, 19));
        attend(layout, pool, sequence(slots, 20, 1));
        scoreBlocks(layout, pool, slots, shape(20, 16, 8, 3, 4, 0.5));
    }

    @Test
    protected void whichSlotsHoldASequenceMakesNoDifferenceNotInTheLastBit() {
        TwinHeads layout = twins.heads(4, 2, 64, false, 1500);
        TwinPool pool = twins.pool(90, 16, 2, 64);
        int[] neighbours = IntStream.range(0, 45).toArray();
        int[] scattered =
                Arrays.stream(shuffledSlots(45)).map(slot -> 45 + slot).toArray();
        float[] prompt = twins.gaussian(600 * 512, 1);
        float[] token = twins.gaussian(512, 1);

        List<float[]> results = new ArrayList<>();
        for (int[] slots : List.of(neighbours, scattered)) {
            results.add(twins.read(store(layout, pool, prompt, slots, 600, 600)));
            results.add(twins.read(store(layout, pool, token, slots, 601, 1)));
        }

        assertThat(results.get(2)).as("prefill").isEqualTo(results.get(0));
        assertThat(results.get(3)).as("decode").isEqualTo(results.get(1));
    }

    /** The subject's attention of given rows, after storing them. */
    private Tensor store(TwinHeads layout, TwinPool pool, float[] qkv, int[] slots, int tokens, int queries) {
        HeadLayout heads = layout.subject();
        Ops ops = twins.subject().ops();
        Tensor rows = twins.floats(queries, 512, qkv).subject();
        Tensor positions =
                twins.ints(IntStream.range(tokens - queries, tokens).toArray()).subject();
        Tensor q = twins.output(queries, 256).subject();
        KvView view = KvView.of(pool.subject(), sequence(slots, tokens, queries));
        ops.ropeAndStore(q, view, rows, heads, positions);
        ops.attend(q, q, view, heads, 0.125f);
        return q;
    }

    @Test
    protected void attendMayWriteOverItsQueries() {
        TwinHeads layout = twins.heads(4, 2, 64, false, 400);
        TwinPool pool = twins.pool(6, 16, 2, 64);
        int[] slots = shuffledSlots(6);
        attend(layout, pool, sequence(slots, 90, 90));
        Twin q = twins.activations(5, 256, 1);
        twins.run((ops, on) ->
                ops.attend(on.of(q), on.of(q), on.view(pool, sequence(slots, 90, 5)), on.of(layout), 0.125f));
        twins.assertClose("in place", q);
    }

    // ---- pruning

    @ParameterizedTest
    @CsvSource({
        // heads, kvHeads, headDim, tokens, slot, block, unit, window, sink
        "4, 2, 64, 170, 16, 16, 8, 8, 16",
        "4, 4, 32, 161, 16, 16, 16, 1, 0",
        "8, 2, 80, 173, 16, 16, 1, 20, 5",
        "8, 1, 96, 200, 40, 40, 7, 70, 10",
        "2, 1, 128, 150, 64, 64, 8, 64, 64",
        "2, 2, 64, 9, 4, 4, 3, 9, 2",
        // slots smaller or larger than blocks, or cutting through units
        "4, 2, 64, 170, 16, 24, 8, 8, 16",
        "4, 2, 32, 131, 16, 7, 3, 8, 16",
        "4, 2, 64, 170, 4, 16, 1, 8, 16",
        "4, 2, 64, 170, 3, 64, 5, 8, 16",
        "4, 2, 64, 170, 64, 10, 8, 8, 16"
    })
    protected void scoresBlocksByTheirBestUnit(
            int heads, int kvHeads, int headDim, int tokens, int slot, int block, int unit, int window, int sink) {
        TwinHeads layout = twins.heads(heads, kvHeads, headDim, false, 400);
        int count = (tokens + slot - 1) / slot + 3;
        TwinPool pool = twins.pool(count, slot, kvHeads, headDim);
        int[] slots = shuffledSlots(count);
        attend(layout, pool, sequence(slots, tokens, tokens));
        scoreBlocks(layout, pool, slots, shape(tokens, block, unit, window, sink, 0.5));
    }

    @ParameterizedTest
    @EnumSource(UnitAggregation.class)
    protected void scoresBlocksByAllTheirUnits(UnitAggregation aggregation) {
        TwinHeads layout = twins.heads(4, 2, 32, false, 400);
        int count = 140 / 16 + 2;
        TwinPool pool = twins.pool(count, 16, 2, 32);
        int[] slots = shuffledSlots(count);
        attend(layout, pool, sequence(slots, 140, 140));
        // Blocks of 18 in units of 4, 4, 4, 4 and 2; the last block has 14 tokens.
        PruneSchedule schedule =
                new PruneSchedule(18, 4, 7, 10, aggregation, List.of(new PruneStep(0, Budget.parse("0.5"))));
        scoreBlocks(
                layout,
                pool,
                slots,
                PrunePlan.of(schedule, 140, 2).stages().get(0).decision());
    }

    @Test
    protected void selectsTheBestBlocksAndTheLowerOfEquals() {
        Random random = twins.random();
        for (int round = 0; round < 60; round++) {
            int tokens = 1 + random.nextInt(900);
            PruneShape shape = shape(tokens, 8, 4, 1 + random.nextInt(20), random.nextInt(20), random.nextDouble());
            float[] values = new float[shape.liveBlocks()];
            for (int i = 0; i < values.length; i++) {
                // Few different values, so that there are many ties.
                values[i] = random.nextInt(1 + random.nextInt(40)) * (round % 2 == 0 ? 0.25f : 1e-20f);
            }
            Twin scores = twins.floats(1, values.length, values);
            int[] poison = new int[shape.keptBlocks()];
            Arrays.fill(poison, -7);
            Twin kept = twins.ints(poison);
            twins.run((ops, on) -> ops.selectBlocks(on.of(kept), on.of(scores), shape));
            twins.assertSame(shape.toString(), kept);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 63, 1000, 1024, 5003, 128_256})
    protected void argmaxTakesTheLargestAndTheLowerOfEquals(int columns) {
        Random random = twins.random();
        for (int round = 0; round < 6; round++) {
            int rows = 1 + random.nextInt(5);
            float[] values = new float[rows * columns];
            for (int i = 0; i < values.length; i++) {
                values[i] = switch (round) {
                    case 0 -> (float) random.nextGaussian();
                    case 1 -> random.nextInt(3) - 5; // many ties, all below 0
                    case 2 -> random.nextBoolean() ? 0.0f : -0.0f; // equals
                    default -> random.nextInt(4) == 0 ? Float.NEGATIVE_INFINITY : random.nextInt(1000);
                };
            }
            int bad = random.nextInt(values.length);
            if (round == 3) {
                values[bad] = Float.NaN;
            } else if (round == 4) {
                values[bad] = Float.POSITIVE_INFINITY;
            } else if (round == 5) {
                Arrays.fill(values, bad / columns * columns, (bad / columns + 1) * columns, Float.NEGATIVE_INFINITY);
            }
            Twin logits = twins.floats(rows, columns, values);
            int[] poison = new int[rows + 1];
            Arrays.fill(poison, -7);
            Twin ids = twins.ints(poison);
            twins.run((ops, on) -> ops.argmax(on.of(ids), on.of(logits)));
            twins.assertSame(columns + " columns, round " + round, ids);
            int[] chosen = twins.readInts(ids.subject());
            assertThat(chosen[rows]).as("behind the last row").isEqualTo(-7);
            if (round >= 3) {
                assertThat(chosen[bad / columns]).as("no token can be chosen").isEqualTo(-1);
            }
        }
    }

    @Test
    protected void keepsTheRowsOfKeptBlocks() {
        PruneShape shape = shape(157, 16, 8, 20, 16, 0.6);
        List<Integer> candidates =
                new ArrayList<>(IntStream.range(shape.headBlocks(), shape.liveBlocks() - shape.tailBlocks())
                        .boxed()
                        .toList());
        Collections.shuffle(candidates, twins.random());
        IntStream chosen = candidates.subList(0, shape.keptCandidates()).stream()
                .mapToInt(i -> i)
                .sorted();
        int[] ranks = IntStream.concat(
                        IntStream.range(0, shape.headBlocks()),
                        IntStream.concat(
                                chosen, IntStream.range(shape.liveBlocks() - shape.tailBlocks(), shape.liveBlocks())))
                .toArray();
        assertThat(ranks).hasSize(shape.keptBlocks()).hasSizeLessThan(shape.liveBlocks());

        Twin kept = twins.ints(ranks);
        Twin x = twins.floats(160, 33, twins.gaussian(160 * 33, 1));
        Twin positions = twins.ints(IntStream.range(1000, 1160).toArray());
        Twin out = twins.floatOutput(shape.keptTokens(), 33);
        twins.run((ops, on) -> {
            ops.keepRows(on.of(out), on.of(x), on.of(kept), shape);
            ops.keepRows(on.of(x), on.of(x), on.of(kept), shape);
            ops.keepRows(on.of(positions), on.of(positions), on.of(kept), shape);
        });
        twins.assertSame("into another tensor", out);
        twins.assertSame("in place", x.rows(0, shape.keptTokens()));
        twins.assertSame("positions", positions.rows(0, shape.keptTokens()));
    }

    // ---- the rest

    @Test
    protected void aSegmentReadsItsInputsEachTimeItRuns() {
        TwinWeight gain = twins.gain(64);
        Twin x = twins.floatOutput(4, 64);
        Twin out = twins.output(4, 64);
        for (int round = 0; round < 3; round++) {
            float[] values = twins.gaussian(256, 1);
            twins.run((ops, on) -> ops.write(on.of(x), 0, values, 256));
            twins.subject().segment("norm", () -> twins.subject()
                    .ops()
                    .rmsNorm(out.subject(), x.subject(), gain.subject(), 1e-6f));
            twins.run((ops, on) -> {
                if (!on.isSubject()) {
                    ops.rmsNorm(on.of(out), on.of(x), on.of(gain), 1e-6f);
                }
            });
            twins.assertClose("round " + round, out);
        }
    }

    @Test
    protected void saysWhatItRunsOnAndWhatItHolds() {
        DeviceInfo info = twins.subject().info();
        assertThat(info.backend()).isNotBlank();
        assertThat(info.description()).isNotBlank();
        assertThat(info.memoryBytes()).isPositive();
        KvPool pool = twins.subject().allocateKv(3, 16, 2, 64, KvType.of(info.compute()));
        assertThat(pool.slots()).isEqualTo(3);
        assertThat(pool.block()).isEqualTo(16);
        assertThat(pool.type()).isEqualTo(KvType.of(info.compute()));
        assertThat(pool.slotBytes()).isEqualTo(2L * 16 * 2 * 64 * info.compute().bytes());
        Tensor tensor = twins.subject().allocate("t", DType.F32, 6, 4).rows(2, 5);
        assertThat(tensor.rows()).isEqualTo(3);
        assertThat(tensor.columns()).isEqualTo(4);
        assertThat(tensor.bytes()).isEqualTo(48);
    }

    @Test
    protected void refusesArgumentsThatDoNotFit() {
        Twin x = twins.activations(3, 32, 1);
        Twin out = twins.floatOutput(3, 16);
        TwinWeight w = twins.load(WeightSpec.of("w", Use.LINEAR, random(DType.F32, 16, 48)));
        Ops ops = twins.subject().ops();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ops.linear(out.subject(), x.subject(), w.subject()))
                .withMessage("linear: in [3, 32] does not fit w [16, 48]");
        TwinHeads layout = twins.heads(1, 1, 32, false, 10);
        TwinPool pool = twins.pool(2, 16, 1, 32);
        KvView view = KvView.of(pool.subject(), sequence(new int[] {0, 2}, 20, 3));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ops.attend(x.subject(), x.subject(), view, layout.subject(), 1))
                .withMessage("attend: sequence 0, block 1 is in slot 2; the pool has slots 0..1");
        assertThatIllegalArgumentException().isThrownBy(() -> out.subject().rows(2, 4));
    }

    // ---- helpers

    private TestTensor random(DType dtype, int rows, int columns) {
        return TestTensor.random(
                dtype + "[" + rows + "]", dtype, rows, columns, twins.random(), rows == 1 ? 1 : 1 / Math.sqrt(columns));
    }

    private static KvView.Sequence sequence(int[] slots, int tokens, int queries) {
        return new KvView.Sequence(slots, tokens, queries);
    }

    private int[] shuffledSlots(int count) {
        List<Integer> slots = new ArrayList<>(IntStream.range(0, count).boxed().toList());
        Collections.shuffle(slots, twins.random());
        return slots.stream().mapToInt(i -> i).toArray();
    }

    private static PruneShape shape(int tokens, int block, int unit, int window, int sink, double share) {
        PruneSchedule schedule = new PruneSchedule(
                block,
                unit,
                window,
                sink,
                List.of(new PruneStep(0, Budget.parse(Double.toString(Math.max(0.01, share))))));
        return PrunePlan.of(schedule, tokens, 2).stages().get(0).decision();
    }

    /** Stores and attends random rows whose positions rise with gaps, and compares q and the result. */
    private void attend(TwinHeads layout, TwinPool pool, KvView.Sequence... sequences) {
        int rows = Arrays.stream(sequences).mapToInt(KvView.Sequence::queries).sum();
        HeadLayout heads = layout.subject();
        int[] positions = new int[rows];
        int row = 0;
        for (KvView.Sequence sequence : sequences) {
            for (int i = 0; i < sequence.queries(); i++) {
                int token = sequence.tokens() - sequence.queries() + i;
                positions[row++] = 2 * token + token % 2;
            }
        }
        float[] qkv = twins.gaussian((long) rows * (heads.queryColumns() + 2 * heads.kvColumns()), 1);
        twinAttend(layout, pool, qkv, positions, sequences);
    }

    private void twinAttend(
            TwinHeads layout, TwinPool pool, float[] qkv, int[] positions, KvView.Sequence... sequences) {
        HeadLayout heads = layout.subject();
        int rows = positions.length;
        Twin position = twins.ints(positions);
        // The rows are the middle of larger tensors.
        int columns = heads.queryColumns() + 2 * heads.kvColumns();
        float[] padded = new float[(rows + 2) * columns];
        Arrays.fill(padded, 1);
        System.arraycopy(qkv, 0, padded, columns, rows * columns);
        Twin in = twins.floats(rows + 2, columns, padded).rows(1, rows + 1);
        Twin q = twins.output(rows + 3, heads.queryColumns()).rows(2, rows + 2);
        Twin out = twins.output(rows + 1, heads.queryColumns()).rows(0, rows);
        float softmaxScale = (float) (1 / Math.sqrt(heads.headDim()));
        twins.run((ops, on) -> {
            KvView view = on.view(pool, sequences);
            ops.ropeAndStore(on.of(q), view, on.of(in), on.of(layout), on.of(position));
            ops.attend(on.of(out), on.of(q), view, on.of(layout), softmaxScale);
        });
        String what = Arrays.stream(sequences)
                .map(s -> s.queries() + " of " + s.tokens())
                .toList()
                .toString();
        twins.assertClose("q of " + what, q);
        twins.assertClose("attention of " + what, out);
    }

    private void scoreBlocks(TwinHeads layout, TwinPool pool, int[] slots, PruneShape shape) {
        for (double size : new double[] {1, 4}) {
            Twin window = twins.activations(shape.window(), layout.subject().queryColumns(), size);
            float[] poison = new float[shape.liveBlocks()];
            Arrays.fill(poison, Float.NaN);
            Twin scores = twins.floats(1, poison.length, poison);
            float scale = (float) (1 / Math.sqrt(layout.subject().headDim()));
            twins.run((ops, on) -> ops.scoreBlocks(
                    on.of(scores),
                    on.of(window),
                    on.view(pool, sequence(slots, shape.liveTokens(), 0)),
                    on.of(layout),
                    scale,
                    shape));
            twins.assertClose("scores of " + shape, scores);
        }
    }
}
