package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.backend.HookedBackend;
import io.sliminfer.backend.Readback;
import io.sliminfer.format.SmallModels;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Mass budgets through the whole engine: what a request reports, what memory it keeps, how it ends. */
@Timeout(120)
class MassBudgetEngineTests {

    private static final int BLOCK = 16;
    /** Keys and values of 2 heads of 16 floats. */
    private static final long SLOT_BYTES = BLOCK * 2 * 2 * 16 * 4;

    private static final int LAYERS = 6;
    private static final int PROMPT = 320;
    private static final String ADAPTIVE = "1:p0.5:0.1-1.0/64,3:p0.6:0.1-0.9";

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    private static PruneSchedule schedule(String steps) {
        return new PruneSchedule(BLOCK, 4, BLOCK, BLOCK, PruneSchedule.parseSteps(steps));
    }

    private static TestEngine.Settings settings(String steps) {
        return TestEngine.settings()
                .pruning(PruneSettings.of(schedule(steps), 0))
                .kv(KvSettings.defaults().withPrefixes(PrefixSettings.off()));
    }

    @Test
    void reportsWhatWasKeptAndNotTheCeiling() {
        try (TestEngine test = settings(ADAPTIVE).open(folder)) {
            GenerationReport report =
                    test.submit(greedy(test.prompt(1, PROMPT), 5)).awaitFinish(FinishReason.LENGTH);

            List<Integer> live = report.stages().stream()
                    .map(GenerationReport.Stage::liveTokens)
                    .toList();
            assertThat(live.get(0)).isEqualTo(PROMPT);
            assertThat(live.get(1)).isBetween(32, PROMPT - BLOCK);
            assertThat(live.get(2)).isBetween(32, live.get(1));
            double pairs = 0;
            double slots = 0;
            for (GenerationReport.Stage stage : report.stages()) {
                assertThat(stage.keptBlocks()).hasSize(stage.liveTokens() / BLOCK);
                int layers = stage.lastLayer() - stage.firstLayer() + 1;
                pairs += stage.liveTokens() * layers;
                slots += (stage.liveTokens() / BLOCK + 1) * layers; // four more tokens are a block
            }
            assertThat(report.prunedShare()).isEqualTo(1 - pairs / (PROMPT * LAYERS), within(1e-12));
            assertThat(report.kvBytes()).isEqualTo((long) slots * SLOT_BYTES);
            assertThat(report.stages().get(1).decode().activeTokens()).isEqualTo(Math.min(64, live.get(1)));
            assertThat(report.flopsSavedShare())
                    .isEqualTo(
                            FlopCount.saved(
                                    test.engine.model(),
                                    PrunePlan.of(schedule("1:" + live.get(1) + ",3:" + live.get(2)), PROMPT, LAYERS)),
                            within(1e-12));
        }
    }

    @Test
    void slotsBelowTheCeilingAreFreeWhileTheRequestRuns() {
        String steps = "1:p0.3:0.1-1.0";
        HeldOps held = new HeldOps("embed", 2); // the first token of the answer
        try (TestEngine test = settings(steps).hook(held).open(folder);
                held) {
            RecordedGeneration generation = test.submit(greedy(test.prompt(1, PROMPT), 5));
            held.awaitHeld();
            long slotsHeld = test.engine.snapshot().kv().device().used();
            held.release();

            GenerationReport report = generation.awaitFinish(FinishReason.LENGTH);

            assertThat(slotsHeld).isLessThan(LAYERS * (PROMPT / BLOCK + 1));
            assertThat(report.kvBytes()).isEqualTo(slotsHeld * SLOT_BYTES);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void aSecondRequestRunsInTheSlotsThatTheFirstGaveBack() {
        // Room for one prompt at its ceiling, and for two as soon as the first has decided.
        int ceiling = LAYERS * (PROMPT / BLOCK + 2);
        AtomicInteger together = new AtomicInteger();
        HookedBackend.Hook countsRows = (op, arguments) -> {
            if (op.equals("attend")) {
                int sequences =
                        ((io.sliminfer.backend.KvView) arguments[2]).sequences().size();
                together.accumulateAndGet(sequences, Math::max);
            }
        };
        KvSettings kv = KvSettings.ofMemory(ceiling * SLOT_BYTES).withPrefixes(PrefixSettings.off());
        String steps = "0:p0.2:0.1-1.0";
        try (TestEngine test = settings(steps).kv(kv).hook(countsRows).open(folder)) {
            RecordedGeneration first = test.submit(greedy(test.prompt(1, PROMPT), 25));
            RecordedGeneration second = test.submit(greedy(test.prompt(2, 128), 20));

            first.awaitFinish(FinishReason.LENGTH);
            second.awaitFinish(FinishReason.LENGTH);

            assertThat(together.get()).as("sequences decoded together").isEqualTo(2);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void onlyAMassWaitsForScores() {
        for (String steps : List.of("1:0.5,3:0.25", "1:p1.0:0.1-0.5,3:p0.5:0.25-0.25", "1:p0.5:0.1-0.9,3:0.25")) {
            AtomicInteger scores = new AtomicInteger();
            Set<Object> landings = Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));
            List<String> order = Collections.synchronizedList(new ArrayList<>());
            HookedBackend.Hook hook = (op, arguments) -> {
                order.add(op);
                if (op.equals("read")) {
                    landings.add((Readback) arguments[0]);
                    scores.addAndGet(order.get(order.size() - 2).equals("scoreBlocks") ? 1 : 0);
                }
            };
            try (TestEngine test = settings(steps).hook(hook).open(folder)) {
                for (int i = 0; i < 4; i++) {
                    test.submit(greedy(test.prompt(i, PROMPT), 2)).awaitFinish(FinishReason.LENGTH);
                }
            }
            boolean adaptive = steps.contains("0.9");
            assertThat(scores.get()).as("scores read with %s", steps).isEqualTo(adaptive ? 4 : 0);
            // One for each pruning step, one for the first token's logits, one for the tokens after it, one for scores:
            // reused by all
            // prompts.
            assertThat(landings).as("readbacks with %s", steps).hasSize(adaptive ? 5 : 4);
        }
    }

    @Test
    void aCancelRightAfterADecisionGivesEverythingBack() {
        // The MLP after the first decision.
        HeldOps held = new HeldOps("keepRows", 2);
        try (TestEngine test = settings(ADAPTIVE).hook(held).open(folder);
                held) {
            RecordedGeneration running = new RecordedGeneration();
            Generation generation = test.engine.submit(greedy(test.prompt(1, PROMPT), 4), running);
            held.awaitHeld();
            generation.cancel();
            held.release();

            GenerationReport report = running.awaitFinish(FinishReason.CANCELLED);

            assertThat(report.stages().get(1).liveTokens())
                    .as("what was decided")
                    .isLessThan(PROMPT);
            assertThat(test.slotsUsedWhenIdle()).isZero();
            test.submit(greedy(test.prompt(2, PROMPT), 4)).awaitFinish(FinishReason.LENGTH);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void aDecisionThatKeepsAllStillJoinsACachedPrefix() {
        // Nearly all of the mass: the ceiling keeps everything, and rows of the cached prefix must go on.
        PruneSchedule schedule = schedule("1:p0.999999:0.1-1.0");
        try (TestEngine test = TestEngine.settings()
                        .pruning(PruneSettings.of(schedule, 0))
                        .open(folder);
                TestEngine alone = settings("1:p0.999999:0.1-1.0").open(folder)) {
            int[] prompt = test.prompt(1, PROMPT);
            test.submit(greedy(prompt, 3)).awaitFinish(FinishReason.LENGTH);

            RecordedGeneration again = test.submit(greedy(prompt, 3));

            GenerationReport report = again.awaitFinish(FinishReason.LENGTH);
            assertThat(report.cachedTokens()).isPositive();
            assertThat(report.stages().get(1).liveTokens()).isEqualTo(PROMPT);
            RecordedGeneration fresh = alone.submit(greedy(prompt, 3));
            fresh.awaitFinish(FinishReason.LENGTH);
            assertThat(again.tokens()).isEqualTo(fresh.tokens());
        }
    }
}
