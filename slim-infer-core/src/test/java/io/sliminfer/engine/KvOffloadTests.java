package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.backend.Copies;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.TestBackends;
import io.sliminfer.backend.TransferException;
import io.sliminfer.engine.ModelPass.Pools;
import io.sliminfer.engine.ModelPass.Step;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.SmallModels;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests whose blocks do not fit the device. */
@Timeout(120)
class KvOffloadTests {

    private static final int BLOCK = 16;
    private static final int[] PROMPTS = {333, 150};
    private static final int[] FOLLOWING = SmallModels.prompt(9, 40, 50);

    @TempDir
    private Path folder;

    /** A window and a sink of one block each. */
    private static PruneSchedule schedule(String steps) {
        return new PruneSchedule(BLOCK, 4, BLOCK, BLOCK, PruneSchedule.parseSteps(steps));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1:0.6,3:0.4", "1:0.6/0.3,3:0.4/64", "2:0.5/0.25", "1:p0.5:0.1-0.9/0.3,3:p0.6:0.1-0.6"})
    void logitsAreTheSameToTheLastBitWhereverBlocksAre(String steps) {
        for (ModelFolderWriter model : List.of(SmallModels.llama(), TestBackends.fit(SmallModels.qwen3()))) {
            Path at = folder.resolve("model-" + model.model().layers());
            model.write(at);
            List<List<Step>> resident = follow(at, steps, Pools.ROOMY);
            int slotsMin = slotsMin(model.model().layers());
            Path disk = TestBackends.movesToDisk()
                    ? folder.resolve("kv-" + model.model().layers())
                    : null;
            for (Pools pools : List.of(
                    new Pools(slotsMin, 500, null, 0),
                    new Pools(slotsMin, 500, null, 2),
                    new Pools(slotsMin + 25, 500, null, 4),
                    new Pools(slotsMin, 500, disk, 1))) {
                List<List<Step>> moved = follow(at, steps, pools);
                for (int prompt = 0; prompt < PROMPTS.length; prompt++) {
                    for (int step = 0; step < FOLLOWING.length; step++) {
                        assertThat(moved.get(prompt).get(step).logits())
                                .as("%s, prompt %d, step %d", pools, prompt, step)
                                .isEqualTo(resident.get(prompt).get(step).logits());
                        assertThat(moved.get(prompt).get(step).active())
                                .isEqualTo(resident.get(prompt).get(step).active());
                    }
                }
            }
        }
    }

    /** Slots without which the two prompts cannot be decoded together. */
    private static int slotsMin(int layers) {
        int slots = 0;
        for (int tokens : PROMPTS) {
            slots += (tokens + FOLLOWING.length + BLOCK - 1) / BLOCK + layers;
        }
        return slots;
    }

    private static List<List<Step>> follow(Path model, String steps, Pools pools) {
        try (ModelPass pass = ModelPass.open(model, TestBackends.moving(), 400, 1000, BLOCK, 2, pools)) {
            List<int[]> prompts = List.of(SmallModels.prompt(1, PROMPTS[0], 50), SmallModels.prompt(2, PROMPTS[1], 50));
            List<List<Step>> followed = pass.follow(prompts, List.of(schedule(steps), schedule(steps)), FOLLOWING, 0.9);
            pass.kv().drain();
            assertThat(pass.kv().deviceSlotsUsed()).isZero();
            assertThat(pass.kv().hostSlotsUsed()).isZero();
            return followed;
        }
    }

    private TestEngine.Settings settings(long deviceSlots, long hostSlots) {
        long slotBytes = BLOCK * 2 * 2 * 16 * 4;
        return TestEngine.settings()
                .backend(TestBackends.moving())
                .pruning(PruneSettings.of(schedule(""), 0))
                .kv(new KvSettings(deviceSlots * slotBytes, null, hostSlots * slotBytes, null, 0, 2, 1));
    }

    @Test
    void aRequestReportsWhatMoved() {
        SmallModels.llama().write(folder);
        try (TestEngine test = settings(40, 300).open(folder)) {
            int[] prompt = test.prompt(3, 400);

            RecordedGeneration small = test.submit(greedy(test.prompt(4, 20), 10));
            assertThat(small.awaitFinish(FinishReason.LENGTH).transfers()).isEqualTo(KvTransfers.NONE);
            RecordedGeneration large = test.submit(greedy(prompt, 10));
            KvTransfers moved = large.awaitFinish(FinishReason.LENGTH).transfers();

            // 25 full blocks in each of 6 layers went to the host once; 9 steps read 25 or 26 blocks a layer.
            long slotBytes = BLOCK * 2 * 2 * 16 * 4;
            assertThat(moved.bytesToHost()).isEqualTo(6 * 25 * slotBytes);
            assertThat(moved.bytesToDevice()).isGreaterThan(9 * 3 * 25 * slotBytes);
            assertThat(moved.blocksNeeded()).isBetween(9L * 6 * 25, 9L * 6 * 26);
            assertThat(moved.hitShare()).isBetween(0.0, 0.99);
            assertThat(moved.copying()).isPositive();
            assertThat(moved.overlap()).isBetween(0.0, 1.0);
        }
    }

    @Test
    void aRequestThatFitsNeitherIsRefusedWithTheNumbers() {
        SmallModels.llama().write(folder);
        try (TestEngine test = settings(20, 100).open(folder)) {
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(1, 400), 10)))
                    .isInstanceOf(EngineException.class)
                    .hasMessage(
                            "slim-infer.kv-cache.memory=81920 bytes holds 20 slots; a prompt of 400 tokens with up to 10"
                                    + " generated needs 32 there even if all others move. Raise it, lower max-tokens, prune more, or store less (slim-infer.kv-cache.type)");
        }
        try (TestEngine test = settings(40, 100).open(folder)) {
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(1, 400), 10)))
                    .isInstanceOf(EngineException.class)
                    .hasMessage(
                            "slim-infer.kv-cache.host-memory and disk-size=409600 bytes hold 100 slots; a prompt of 400"
                                    + " tokens with up to 10 generated needs 156. Raise them, lower max-tokens, prune more, or store less (slim-infer.kv-cache.type)");
        }
    }

    @Test
    void aBackendThatCannotMoveBlocksIsRefused() {
        SmallModels.llama().write(folder);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> settings(40, 100).backend("java").open(folder))
                .withMessageContaining("slim-infer.kv-cache.host-memory=409600")
                .withMessageContaining("the backend 'java' cannot move KV blocks");
    }

    @Test
    void aFailedCopyFailsItsRequestAndNoOther() {
        SmallModels.llama().write(folder);
        AtomicInteger fetches = new AtomicInteger(-1_000_000); // none fails before the count starts
        TestEngine.Settings settings =
                settings(60, 400).copies(copies -> new FailingCopies(copies, () -> fetches.incrementAndGet() == 30));
        try (TestEngine test = settings.open(folder)) {
            RecordedGeneration alone = test.submit(greedy(test.prompt(6, 200), 30));
            alone.awaitFinish(FinishReason.LENGTH);
            fetches.set(0);

            RecordedGeneration one = test.submit(greedy(test.prompt(5, 300), 30));
            RecordedGeneration other = test.submit(greedy(test.prompt(6, 200), 30));
            RecordedGeneration broken = ended(one) == null ? other : one;
            RecordedGeneration whole = broken == one ? other : one;

            assertThat(broken.awaitFailure(EngineException.Kind.INTERNAL))
                    .hasMessageContaining("a copy failed on purpose");
            whole.awaitFinish(FinishReason.LENGTH);
            if (whole == other) {
                assertThat(other.tokens()).isEqualTo(alone.tokens());
            }
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    /** The failure of a generation, or null if it finished. */
    private static @Nullable Object ended(RecordedGeneration generation) {
        RecordedGeneration.await("an end", generation::hasEnded);
        return generation.failure();
    }

    /** Lets a fetch end with a failure. */
    private record FailingCopies(Copies copies, BooleanSupplier fails) implements Copies {

        @Override
        public HostPool allocateHost(int slots, long slotBytes, @Nullable Path file) {
            return copies.allocateHost(slots, slotBytes, file);
        }

        @Override
        public Fence toHost(KvPool pool, int[] slots, HostPool host, int[] hostSlots) {
            return copies.toHost(pool, slots, host, hostSlots);
        }

        @Override
        public Fence toDevice(KvPool pool, int[] slots, HostPool host, int[] hostSlots) {
            Fence fence = copies.toDevice(pool, slots, host, hostSlots);
            return fails.getAsBoolean() ? new FailedFence(fence) : fence;
        }
    }

    private record FailedFence(Fence fence) implements Fence {

        @Override
        public boolean isDone() {
            return fence.isDone();
        }

        @Override
        public void join() {
            fence.join();
            throw new TransferException("a copy failed on purpose", new IllegalStateException("test"));
        }

        @Override
        public long nanos() {
            return fence.nanos();
        }
    }
}
