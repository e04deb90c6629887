package io.sliminfer.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.KvType;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.reference.ReferenceBackend;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PromptRowsTests {

    private static final int LAYERS = 6;

    private final ReferenceBackend backend = new ReferenceBackend();

    private PromptRows rows(PruneSchedule schedule, int promptTokens, int tile) {
        return new PromptRows(
                PrunePlan.of(schedule, promptTokens, LAYERS),
                backend.allocateKv(1, 16, 1, 2, KvType.F32),
                new FixedTables(new int[LAYERS][1]),
                new PromptSpace(backend, 2, promptTokens + 5),
                tile,
                null);
    }

    private static PruneSchedule schedule(int block, int window, String steps) {
        return new PruneSchedule(block, 1, window, 10, PruneSchedule.parseSteps(steps));
    }

    @Test
    void tilesHoldEveryRowOnceAndTheLastOneTheWholeWindow() {
        long seed = 11;
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            int promptTokens = 1 + random.nextInt(500);
            int window = 1 + random.nextInt(100);
            int tile = 1 + random.nextInt(120);
            PromptRows rows = rows(schedule(8, window, "0:0.5,3:0.2"), promptTokens, tile);
            String run = "seed " + seed + ", round " + round;
            requireTiles(rows, tile, Math.min(window, promptTokens), run);
            PruneShape decision = rows.decision(0);
            rows.keep(decision, null);
            assertThat(rows.count()).as(run).isEqualTo(decision.keptTokens());
            requireTiles(rows, tile, Math.min(window, promptTokens), run + ", after a decision");
        }
    }

    private static void requireTiles(PromptRows rows, int tile, int window, String run) {
        List<Integer> sizes = new ArrayList<>();
        int from = 0;
        while (from < rows.count()) {
            int to = rows.tileEnd(from);
            assertThat(to).as(run).isGreaterThan(from).isLessThanOrEqualTo(rows.count());
            sizes.add(to - from);
            from = to;
        }
        assertThat(from).as(run).isEqualTo(rows.count());
        int last = sizes.remove(sizes.size() - 1);
        assertThat(last)
                .as("%s: the last tile", run)
                .isGreaterThanOrEqualTo(window)
                .isLessThan(tile + window);
        assertThat(sizes).as("%s: the other tiles", run).allMatch(size -> size == tile);
    }

    @Test
    void theLastLayersOutputIsTheLastRowsAlone() {
        PromptRows rows = rows(PruneSchedule.dense(), 100, 16);
        assertThat(rows.firstOutput()).isEqualTo(99);
        assertThat(rows.tileEnd(99)).isEqualTo(100);
    }

    @Test
    void viewsHaveAsManyRowsAsAreLive() {
        PromptRows rows = rows(schedule(8, 8, "0:24"), 100, 16);
        assertThat(rows.x().rows()).isEqualTo(100);
        assertThat(rows.positions().rows()).isEqualTo(100);

        rows.keep(rows.decision(0), null);

        // The sink's two blocks and the window's two, of which the last has 4 tokens.
        assertThat(rows.count()).isEqualTo(28);
        assertThat(rows.x().rows()).isEqualTo(28);
        assertThat(rows.positions().rows()).isEqualTo(28);
    }

    @Test
    void aTileSeesWhatIsStoredUpToItsEnd() {
        PromptRows rows = rows(PruneSchedule.dense(), 100, 16);

        KvView view = rows.kv(2, 16, 32);

        assertThat(view.sequences()).hasSize(1);
        assertThat(view.sequences().get(0).tokens()).isEqualTo(32);
        assertThat(view.sequences().get(0).queries()).isEqualTo(16);
    }

    @Test
    void decidesAtTheLayersOfTheSchedule() {
        PromptRows rows = rows(schedule(8, 8, "1:0.5,4:0.25"), 100, 16);
        for (int layer = 0; layer < LAYERS; layer++) {
            assertThat(rows.decision(layer) != null)
                    .as("a decision at layer %d", layer)
                    .isEqualTo(layer == 1 || layer == 4);
        }
    }

    @Test
    void translatesRanksOfLaterDecisionsToBlocks() {
        // 100 tokens are blocks 0 to 12; 0 and 1 (sink), 11 and 12 (window) are protected.
        PromptRows rows = rows(schedule(8, 8, "1:60,3:44,4:44"), 100, 16);
        assertThat(rows.keptBlocks()).hasSize(1);

        rows.keep(rows.decision(1), ranks(0, 1, 3, 5, 7, 10, 11, 12));
        rows.keep(rows.decision(3), ranks(0, 1, 4, 5, 6, 7));
        rows.keep(rows.decision(4), null); // keeps all, so nothing was read back

        assertThat(rows.keptBlocks())
                .containsExactly(
                        List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
                        List.of(0, 1, 3, 5, 7, 10, 11, 12),
                        List.of(0, 1, 7, 10, 11, 12),
                        List.of(0, 1, 7, 10, 11, 12));
    }

    private Readback ranks(int... ranks) {
        Tensor tensor = backend.allocate("ranks", DType.I32, ranks.length, 1);
        backend.ops().write(tensor, ranks, ranks.length);
        Readback readback = backend.readback(ranks.length);
        backend.ops().read(readback, tensor);
        return readback;
    }
}
