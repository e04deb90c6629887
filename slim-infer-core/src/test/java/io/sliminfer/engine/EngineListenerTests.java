package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What is told of requests and of the engine, and what a snapshot shows of them. */
@Timeout(120)
class EngineListenerTests {

    /** 6 layers, 64 positions a slot. */
    private static final int LAYERS = 6;

    @TempDir
    static Path folder;

    private final RecordedEngine told = new RecordedEngine();

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    private static PruneSchedule pruning() {
        return new PruneSchedule(16, 8, 16, 16, PruneSchedule.parseSteps("1:0.5,3:0.25"));
    }

    @Test
    void tellsOfARequestFromQueueToEnd() {
        Instant before = Instant.now();
        try (TestEngine test = TestEngine.settings().listener(told).open(folder)) {
            RecordedGeneration generation = new RecordedGeneration();
            Generation submitted = test.engine.submit(
                    new GenerationRequest(test.prompt(1, 100), Sampling.GREEDY, 5, Set.of(), pruning()), generation);
            GenerationReport report = generation.awaitFinish(FinishReason.LENGTH);

            RequestInfo info = new RequestInfo(1, 100, 5, true);
            assertThat(submitted.id()).isEqualTo(1);
            assertThat(told.names(event -> true)).containsExactly("Queued", "Started", "FirstToken", "Finished");
            assertThat(told.all(RecordedEngine.Queued.class)).containsExactly(new RecordedEngine.Queued(info));
            assertThat(told.all(RecordedEngine.Started.class))
                    .containsExactly(new RecordedEngine.Started(info, report.queued(), 0));
            assertThat(told.all(RecordedEngine.FirstToken.class))
                    .containsExactly(new RecordedEngine.FirstToken(info, report.queued(), report.prefill()));
            assertThat(told.all(RecordedEngine.Finished.class))
                    .containsExactly(new RecordedEngine.Finished(info, FinishReason.LENGTH, report));
            assertThat(report.id()).isEqualTo(1);
            assertThat(report.submittedAt()).isBetween(before, Instant.now());
        }
    }

    @Test
    void reportsTheTimeOfEachStageAndTheFlopsThatWereSaved() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration generation =
                    test.submit(new GenerationRequest(test.prompt(1, 200), Sampling.GREEDY, 3, Set.of(), pruning()));
            GenerationReport report = generation.awaitFinish(FinishReason.LENGTH);

            assertThat(report.stages()).hasSize(3);
            assertThat(report.prefillStages()).hasSize(3).allMatch(time -> time.compareTo(Duration.ZERO) > 0);
            assertThat(report.prefillStages().stream().reduce(Duration.ZERO, Duration::plus))
                    .isLessThanOrEqualTo(report.prefill());
            // Share and number say the same; the dense prefill's number follows from both.
            double dense = report.flopsSaved() / report.flopsSavedShare();
            assertThat(report.flopsSavedShare()).isBetween(0.2, 0.9);
            assertThat(dense).isGreaterThan(2.0 * 200 * 32 * 32 * LAYERS);
        }
    }

    private List<StepStats> steps() {
        return told.all(RecordedEngine.Step.class).stream()
                .map(RecordedEngine.Step::stats)
                .toList();
    }

    @Test
    void countsTheBatchOfEachStep() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings().listener(told).hook(held).open(folder);
                held) {
            RecordedGeneration first = test.submit(greedy(test.prompt(1, 20), 30));
            held.awaitHeld();
            RecordedGeneration second = test.submit(greedy(test.prompt(2, 20), 5));
            held.release();
            GenerationReport longer = first.awaitFinish(FinishReason.LENGTH);
            GenerationReport shorter = second.awaitFinish(FinishReason.LENGTH);
            // A request's first token comes from its prefill.
            RecordedGeneration.await(
                    "the last step",
                    () -> steps().stream().mapToInt(StepStats::decodeBatch).sum() == 29 + 4);

            List<StepStats> steps = steps();
            assertThat(steps.stream().mapToInt(StepStats::prefillLayers).sum()).isEqualTo(2 * LAYERS);
            assertThat(steps.stream().filter(step -> step.decodeBatch() == 2)).hasSize(4);
            assertThat(steps).allMatch(step -> step.nanos() > 0);
            assertThat(shorter.decodeBatch()).isEqualTo(2);
            assertThat(longer.decodeBatch()).isEqualTo((25 + 4 * 2) / 29.0);
        }
    }

    @Test
    void tellsOfRefusalsOnTheCallersThread() {
        try (TestEngine test =
                TestEngine.settings().maxPromptTokens(50).listener(told).open(folder)) {
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(1, 51), 4))).isInstanceOf(EngineException.class);
            assertThat(told.events()).containsExactly(new RecordedEngine.Refused(EngineException.Kind.PROMPT_TOO_LONG));
            test.engine.close();
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(1, 5), 4))).isInstanceOf(EngineException.class);
            assertThat(told.events()).contains(new RecordedEngine.Refused(EngineException.Kind.CLOSED));
        }
    }

    @Test
    void tellsOfFailuresAndOfTheEnginesEnd() {
        HeldOps held = new HeldOps("embed", 1);
        OutOfMemoryError error = new OutOfMemoryError("none left, says the test");
        Logger log = (Logger) LoggerFactory.getLogger(LocalEngine.class);
        log.setLevel(Level.OFF);
        try (TestEngine test = TestEngine.settings()
                        .listener(told)
                        .hook((op, arguments) -> {
                            held.before(op, arguments);
                            if (op.equals("attend")) {
                                throw error;
                            }
                        })
                        .open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4));
            held.awaitHeld();
            RecordedGeneration waiting = test.submit(greedy(test.prompt(2, 20), 4));
            assertThat(test.engine.snapshot().state()).isEqualTo(EngineState.RUNNING);
            held.release();
            running.awaitFailure(EngineException.Kind.INTERNAL);
            waiting.awaitFailure(EngineException.Kind.INTERNAL);
            RecordedGeneration.await("the engine's end", () -> !told.all(RecordedEngine.Stopped.class)
                    .isEmpty());

            assertThat(told.names(event -> true))
                    .containsExactly("Queued", "Started", "Queued", "Failed", "Failed", "Stopped");
            assertThat(told.all(RecordedEngine.Stopped.class)).containsExactly(new RecordedEngine.Stopped(error));
            EngineSnapshot snapshot = test.engine.snapshot();
            assertThat(snapshot.state()).isEqualTo(EngineState.FAILED);
            assertThat(snapshot.failure()).isSameAs(error);
            assertThat(snapshot.requests()).isEmpty();
            test.engine.close();
            assertThat(test.engine.snapshot().state()).isEqualTo(EngineState.FAILED);
        } finally {
            log.setLevel(null);
        }
    }

    @Test
    void aListenerThatThrowsKeepsNobodyFromHearing() {
        EngineListener throwing = new EngineListener() {
            @Override
            public void queued(RequestInfo request) {
                throw new IllegalStateException("a listener's fault");
            }

            @Override
            public void step(StepStats step) {
                throw new AssertionError("a listener's fault");
            }

            @Override
            public void finished(RequestInfo request, FinishReason reason, GenerationReport report) {
                throw new IllegalStateException("a listener's fault");
            }
        };
        Logger log = (Logger) LoggerFactory.getLogger(EngineListeners.class);
        log.setLevel(Level.OFF);
        try (TestEngine test = TestEngine.settings()
                .listener(EngineListener.of(throwing, told))
                .open(folder)) {
            test.submit(greedy(test.prompt(1, 20), 4)).awaitFinish(FinishReason.LENGTH);

            assertThat(told.names(event -> true)).containsExactly("Queued", "Started", "FirstToken", "Finished");
            RecordedGeneration.await(
                    "the last step",
                    () -> steps().stream().mapToInt(StepStats::decodeBatch).sum() == 3);
        } finally {
            log.setLevel(null);
        }
    }

    @Test
    void aSnapshotShowsEachRequestAndWhatTheEngineHas() {
        HeldOps held = new HeldOps("embed", 3);
        try (TestEngine test = TestEngine.settings()
                        .batchMax(2)
                        .queueCapacity(7)
                        .hook(held)
                        .open(folder);
                held) {
            RecordedGeneration decoding = test.submit(greedy(test.prompt(1, 20), 40));
            decoding.awaitTokens(1);
            held.awaitHeld();
            Generation waiting = test.engine.submit(greedy(test.prompt(2, 30), 4), new RecordedGeneration());
            EngineSnapshot snapshot = test.engine.snapshot();

            assertThat(snapshot.state()).isEqualTo(EngineState.RUNNING);
            assertThat(snapshot.failure()).isNull();
            assertThat(snapshot.queueCapacity()).isEqualTo(7);
            assertThat(snapshot.batchMax()).isEqualTo(2);
            assertThat(snapshot.running()).isEqualTo(1);
            assertThat(snapshot.queued()).isEqualTo(1);
            LiveRequest first = snapshot.requests().get(0);
            LiveRequest second = snapshot.requests().get(1);
            assertThat(first)
                    .isEqualTo(
                            new LiveRequest(1, LiveRequest.State.DECODING, 20, first.generatedTokens(), first.age()));
            assertThat(first.generatedTokens()).isEqualTo(2);
            assertThat(second).isEqualTo(new LiveRequest(2, LiveRequest.State.WAITING, 30, 0, second.age()));
            assertThat(first.age()).isGreaterThan(second.age());
            assertThat(second.age()).isPositive();
            assertThat(snapshot.kv().device().used()).isEqualTo(LAYERS);
            assertThat(snapshot.kv().device().slots() * snapshot.kv().slotBytes())
                    .isEqualTo(snapshot.memory().kvBytes());
            assertThat(snapshot.kv().host()).isEqualTo(new KvUsage.Tier(0, 0));
            assertThat(snapshot.memory().weightsBytes()).isPositive();
            assertThat(snapshot.memory().workspaceBytes()).isPositive();
            waiting.cancel();
            held.release();
            decoding.awaitFinish(FinishReason.LENGTH);
            test.slotsUsedWhenIdle();
            assertThat(test.engine.snapshot().requests()).isEmpty();
            test.engine.close();
            assertThat(test.engine.snapshot().state()).isEqualTo(EngineState.CLOSED);
        }
    }

    @Test
    void countsTheSlotsOfEachTier() {
        // Room on the device for one layer of each request only.
        long slotBytes = 64 * 2 * 2 * 16 * 4;
        HeldOps held = new HeldOps("embed", 10);
        try (TestEngine test = TestEngine.settings()
                        .backend("cpu")
                        .hook(held)
                        .kv(new KvSettings(
                                14 * slotBytes,
                                null,
                                12 * slotBytes,
                                folder.resolve("..").normalize(),
                                30 * slotBytes,
                                2,
                                0.9,
                                PrefixSettings.off()))
                        .open(folder);
                held) {
            RecordedGeneration generation = test.submit(greedy(test.prompt(1, 300), 40));
            held.awaitHeld();
            KvUsage kv = test.engine.snapshot().kv();

            // 5 blocks in each of 6 layers: full ones are written back, to memory first.
            assertThat(kv.host().slots()).isEqualTo(12);
            assertThat(kv.disk().slots()).isEqualTo(30);
            assertThat(kv.host().used()).isEqualTo(12);
            assertThat(kv.disk().used()).isEqualTo(4 * LAYERS - 12);
            held.release();
            generation.awaitFinish(FinishReason.LENGTH);
            test.slotsUsedWhenIdle();
            RecordedGeneration.await(
                    "free slots behind the device",
                    () -> test.engine.snapshot().kv().host().used() == 0
                            && test.engine.snapshot().kv().disk().used() == 0);
        }
    }
}
