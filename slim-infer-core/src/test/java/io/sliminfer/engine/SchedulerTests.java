package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.sliminfer.engine.Scheduler.StepPlan;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.SmallModels;
import io.sliminfer.kv.KvCacheManager;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SchedulerTests {

    /** 6 layers. */
    private static final ModelConfig MODEL = SmallModels.llama().model();

    private static final int LAYERS = 6;
    private static final int SLOT_BLOCK = 16;

    private static final int PASSING_TOKENS = 40;

    private final KvCacheManager pool = KvCacheManager.of(30, SLOT_BLOCK, 8, KvCacheManager.NO_PREFIX_CACHE);
    private final Scheduler scheduler = new Scheduler(pool, 3, PASSING_TOKENS);

    /** A sequence that needs this many slots in each layer. */
    private static Sequence sequence(int slotsPerLayer) {
        int[] prompt = new int[slotsPerLayer * SLOT_BLOCK - 3];
        GenerationRequest request = TestEngine.greedy(prompt, 4);
        PrunePlan plan = PrunePlan.of(PruneSchedule.dense(), prompt.length, LAYERS);
        Sequence sequence = new Sequence(
                1, request, plan, MODEL, SLOT_BLOCK, new SwapPolicy(1), new RecordedGeneration(), () -> {});
        assertThat(sequence.cache.slotsNeeded()).isEqualTo((long) slotsPerLayer * LAYERS);
        return sequence;
    }

    private Sequence add(int slotsPerLayer) {
        return add(scheduler, slotsPerLayer);
    }

    private static Sequence add(Scheduler to, int slotsPerLayer) {
        Sequence sequence = sequence(slotsPerLayer);
        to.add(sequence);
        return sequence;
    }

    private Sequence addDecoding(int slotsPerLayer) {
        Sequence sequence = add(slotsPerLayer);
        assertThat(scheduler.next().prefill()).isSameAs(sequence);
        scheduler.prefilled(sequence);
        return sequence;
    }

    @Test
    void servesInTheOrderOfArrival() {
        Sequence first = add(1);
        Sequence second = add(1);

        assertThat(scheduler.next()).isEqualTo(new StepPlan(first, List.of()));
        assertThat(first.state).isEqualTo(Sequence.State.PREFILLING);
        assertThat(second.state).isEqualTo(Sequence.State.WAITING);
        scheduler.prefilled(first);

        assertThat(scheduler.next()).isEqualTo(new StepPlan(second, List.of(first)));
        assertThat(first.state).isEqualTo(Sequence.State.DECODING);
        assertThat(scheduler.waiting()).isZero();
        assertThat(scheduler.running()).isEqualTo(2);
    }

    @Test
    void givesEachLayerSlotsOfItsOwn() {
        Sequence sequence = add(2);
        scheduler.next();

        Set<Integer> distinct = new HashSet<>();
        for (int layer = 0; layer < LAYERS; layer++) {
            int[] table = sequence.cache.blocks().table(layer);
            assertThat(table).hasSize(2);
            for (int slot : table) {
                distinct.add(slot);
            }
        }
        assertThat(distinct).hasSize(12);
        assertThat(pool.deviceSlotsUsed()).isEqualTo(12);
    }

    @Test
    void aPrefillGoesOnBesideDecode() {
        Sequence decoding = addDecoding(1);
        Sequence prefilling = add(1);
        for (int step = 0; step < 3; step++) {
            assertThat(scheduler.next()).isEqualTo(new StepPlan(prefilling, List.of(decoding)));
        }
        scheduler.end(decoding);
        assertThat(scheduler.next()).isEqualTo(new StepPlan(prefilling, List.of()));
        scheduler.prefilled(prefilling);
        assertThat(scheduler.next()).isEqualTo(new StepPlan(null, List.of(prefilling)));
    }

    @Test
    void aShortPromptPassesALongOneInTurns() {
        Scheduler wide = new Scheduler(roomy(), 8, PASSING_TOKENS);
        Sequence lengthy = add(wide, 8);
        assertThat(wide.next().prefill()).isSameAs(lengthy);
        Sequence middling = add(wide, 3);
        Sequence brief = add(wide, 2);
        Sequence later = add(wide, 1);

        List<Sequence> turns = new ArrayList<>();
        for (int step = 0; step < 4; step++) {
            turns.add(wide.next().prefill());
        }
        assertThat(turns).containsExactly(brief, lengthy, brief, lengthy);
        assertThat(brief.passing).isTrue();
        assertThat(lengthy.passing).isFalse();
        assertThat(middling.overtaken).isEqualTo(1);
        wide.prefilled(brief);

        assertThat(wide.next().prefill())
                .as("a fourth of the long one's tokens or less")
                .isSameAs(later);
        assertThat(middling.overtaken).isEqualTo(2);
        wide.prefilled(lengthy);
        assertThat(wide.next().prefill()).isSameAs(middling);
        assertThat(middling.passing).as("the room for any length is free again").isFalse();
    }

    @Test
    void promptsOfMoreThanFitTheRoomForThatDoNotPass() {
        Scheduler narrow = new Scheduler(roomy(), 8, SLOT_BLOCK);
        Sequence lengthy = add(narrow, 8);
        narrow.next();
        add(narrow, 2);
        Sequence brief = add(narrow, 1);

        assertThat(narrow.next().prefill()).isSameAs(brief);
        narrow.prefilled(brief);
        assertThat(narrow.next().prefill()).isSameAs(lengthy);
        assertThat(narrow.next().prefill()).isSameAs(lengthy);
    }

    @Test
    void aPassingPromptCountsForTheBatch() {
        Scheduler pair = new Scheduler(roomy(), 2, PASSING_TOKENS);
        Sequence lengthy = add(pair, 8);
        pair.next();
        Sequence brief = add(pair, 1);
        add(pair, 1);
        assertThat(pair.next().prefill()).isSameAs(brief);
        pair.prefilled(brief);

        assertThat(pair.next()).isEqualTo(new StepPlan(lengthy, List.of(brief)));
        assertThat(pair.running()).isEqualTo(2);
        assertThat(pair.waiting()).isEqualTo(1);
    }

    @Test
    void whileTheOldestWaitsForMemoryLaterOnesThatFitGoFirst() {
        Sequence large = addDecoding(4);
        Sequence waiting = add(2);
        Sequence small = add(1);

        assertThat(scheduler.next().prefill()).as("12 slots of 6 free").isSameAs(small);
        assertThat(waiting.overtaken).isEqualTo(1);
        scheduler.prefilled(small);
        assertThat(scheduler.next().prefill()).isNull();
        scheduler.end(large);
        assertThat(scheduler.next().prefill()).isSameAs(waiting);
    }

    @Test
    void nobodyIsOvertakenForEver() {
        Scheduler wide = new Scheduler(pool, 100, PASSING_TOKENS);
        Sequence large = add(wide, 4);
        wide.next();
        wide.prefilled(large);
        Sequence waiting = add(wide, 2);
        for (int i = 0; i < Scheduler.OVERTAKEN_MAX; i++) {
            Sequence small = add(wide, 1);
            assertThat(wide.next().prefill()).as("small request %d", i).isSameAs(small);
            wide.prefilled(small);
            wide.end(small);
        }
        Sequence tooLate = add(wide, 1);

        assertThat(wide.next().prefill()).isNull();
        wide.end(large);
        assertThat(wide.next().prefill()).isSameAs(waiting);
        wide.prefilled(waiting);
        assertThat(wide.next().prefill()).isSameAs(tooLate);
    }

    private static KvCacheManager roomy() {
        return KvCacheManager.of(500, SLOT_BLOCK, 8, KvCacheManager.NO_PREFIX_CACHE);
    }

    @Test
    void admitsNoMoreThanMayDecodeTogether() {
        Sequence first = addDecoding(1);
        addDecoding(1);
        addDecoding(1);
        Sequence fourth = add(1);

        assertThat(scheduler.next().prefill()).isNull();
        scheduler.end(first);
        assertThat(scheduler.next().prefill()).isSameAs(fourth);
    }

    @Test
    void givesSlotsBackInEveryState() {
        Sequence decoding = addDecoding(1);
        Sequence prefilling = add(1);
        scheduler.next();
        Sequence waiting = add(1);
        assertThat(scheduler.all()).containsExactly(decoding, prefilling, waiting);
        assertThat(pool.deviceSlotsUsed()).isEqualTo(12);

        scheduler.end(prefilling);
        assertThat(pool.deviceSlotsUsed()).isEqualTo(6);
        scheduler.end(waiting);
        assertThat(pool.deviceSlotsUsed()).isEqualTo(6);
        scheduler.end(decoding);

        assertThat(pool.deviceSlotsUsed()).isZero();
        assertThat(scheduler.all()).isEmpty();
        assertThat(scheduler.next().isEmpty()).isTrue();
    }

    @Test
    void endingTwiceIsAnError() {
        Sequence sequence = addDecoding(1);
        scheduler.end(sequence);
        assertThatIllegalStateException()
                .isThrownBy(() -> scheduler.end(sequence))
                .withMessage("a sequence ended twice");
        assertThat(pool.deviceSlotsUsed()).isZero();
    }

    @Test
    void holdsItsInvariantsForAnyMixOfArrivalsAndEnds() {
        for (long seed = 0; seed < 30; seed++) {
            simulate(seed);
        }
    }

    private static void simulate(long seed) {
        Random random = new Random(seed);
        KvCacheManager pool = KvCacheManager.of(12 + random.nextInt(60), SLOT_BLOCK, 8, KvCacheManager.NO_PREFIX_CACHE);
        int batchMax = 1 + random.nextInt(4);
        Scheduler scheduler = new Scheduler(pool, batchMax, PASSING_TOKENS);
        List<Sequence> submitted = new ArrayList<>();
        Map<Sequence, Integer> slices = new HashMap<>();
        for (int step = 0; step < 300 || !scheduler.all().isEmpty(); step++) {
            String when = "seed " + seed + ", step " + step;
            assertThat(step).as(when).isLessThan(5000);
            if (step < 300 && random.nextInt(3) == 0) {
                Sequence sequence = sequence(1 + random.nextInt(pool.deviceSlots() / LAYERS));
                submitted.add(sequence);
                scheduler.add(sequence);
            }
            List<Sequence> all = scheduler.all();
            if (!all.isEmpty() && random.nextInt(10) == 0) {
                scheduler.end(all.get(random.nextInt(all.size()))); // cancelled
            }
            StepPlan plan = scheduler.next();
            Sequence prefill = plan.prefill();
            if (prefill != null && slices.merge(prefill, 1, Integer::sum) * SLOT_BLOCK >= prefill.info.promptTokens()) {
                scheduler.prefilled(prefill);
            }
            for (Sequence sequence : plan.decode()) {
                if (random.nextInt(8) == 0) {
                    scheduler.end(sequence);
                }
            }
            requireInvariants(scheduler, pool, batchMax, when);
        }
        assertThat(pool.deviceSlotsUsed()).isZero();
        assertThat(submitted)
                .as("seed %d", seed)
                .allMatch(sequence -> sequence.state == Sequence.State.ENDED)
                .allMatch(sequence -> sequence.overtaken <= Scheduler.OVERTAKEN_MAX)
                .allMatch(sequence -> !sequence.passing || sequence.info.promptTokens() <= PASSING_TOKENS);
    }

    private static void requireInvariants(Scheduler scheduler, KvCacheManager pool, int batchMax, String when) {
        Set<Integer> owned = new HashSet<>();
        for (Sequence sequence : scheduler.all()) {
            int held = 0;
            for (int layer = 0; sequence.cache.isAdmitted() && layer < LAYERS; layer++) {
                for (int slot : sequence.cache.blocks().table(layer)) {
                    assertThat(owned.add(slot)).as("%s: slot %d", when, slot).isTrue();
                    held++;
                }
            }
            assertThat(held)
                    .as("%s: slots of a sequence that is %s", when, sequence.state)
                    .isEqualTo(sequence.state == Sequence.State.WAITING ? 0 : (int) sequence.cache.slotsNeeded());
        }
        assertThat(pool.deviceSlotsUsed()).as(when).isEqualTo(owned.size());
        assertThat(scheduler.running()).as(when).isLessThanOrEqualTo(batchMax);
        assertThat(scheduler.running() + scheduler.waiting())
                .as(when)
                .isEqualTo(scheduler.all().size());
    }
}
