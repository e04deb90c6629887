package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.QueuedBackend;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A device whose queue runs behind the host: how far the host goes ahead, and how soon it can stop. */
@Timeout(120)
class QueuedDeviceTests {

    private static final Duration SLICE = Duration.ofMillis(20);

    /** A slice has room for about ten tiles of a prompt of a thousand tokens. */
    private static final double FLOPS_PER_MICRO = 500;

    private static final double SLICE_FLOPS = FLOPS_PER_MICRO * 20_000;

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    private static TestEngine.Settings settings(QueuedBackend.Queue queue) {
        return TestEngine.settings().backend("java").prefillSlice(SLICE).queue(queue);
    }

    private static QueuedBackend.Queue free() {
        return new QueuedBackend.Queue((op, arguments) -> {}, FLOPS_PER_MICRO);
    }

    @Test
    void answersAreThoseOfABackendWithoutAQueue() {
        PruneSchedule schedule = new PruneSchedule(16, 8, 16, 16, PruneSchedule.parseSteps("1:0.5,3:0.25"));
        List<List<Integer>> direct;
        try (TestEngine test = TestEngine.settings().backend("java").open(folder)) {
            direct = answers(test, schedule);
        }
        try (TestEngine test = settings(free()).open(folder)) {
            assertThat(answers(test, schedule)).isEqualTo(direct);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    private static List<List<Integer>> answers(TestEngine test, PruneSchedule schedule) {
        List<RecordedGeneration> all = List.of(
                test.submit(greedy(test.prompt(1, 400), 12)),
                test.submit(new GenerationRequest(test.prompt(2, 300), Sampling.GREEDY, 12, Set.of(), schedule)),
                test.submit(greedy(test.prompt(3, 40), 12)));
        all.forEach(generation -> generation.awaitFinish(FinishReason.LENGTH));
        return all.stream().map(RecordedGeneration::tokens).toList();
    }

    @Test
    void theRequestThatWarmsTheDeviceUpIsNobodys() {
        RecordedEngine told = new RecordedEngine();
        QueuedBackend.Queue queue = free();
        try (TestEngine test = settings(queue).listener(told).open(folder)) {
            assertThat(queue.enqueued()).as("FLOPs of the warm-up").isPositive();
            assertThat(told.events()).isEmpty();
            assertThat(test.engine.snapshot().requests()).isEmpty();
            RecordedGeneration first = new RecordedGeneration();
            assertThat(test.engine.submit(greedy(test.prompt(1, 20), 2), first).id())
                    .isEqualTo(1);
            first.awaitFinish(FinishReason.LENGTH);
            assertThat(told.names(event -> true)).containsExactly("Queued", "Started", "FirstToken", "Finished");
        }
    }

    @Test
    void stagesAreTimedByTheDevicesClock() {
        PruneSchedule schedule = new PruneSchedule(16, 8, 16, 16, PruneSchedule.parseSteps("2:0.25"));
        try (TestEngine test = settings(free()).open(folder)) {
            GenerationReport report = test.submit(
                            new GenerationRequest(test.prompt(1, 1000), Sampling.GREEDY, 1, Set.of(), schedule))
                    .awaitFinish(FinishReason.LENGTH);

            // The clock counts FLOPs: what the prefill has without its output head.
            double micros = report.prefillStages().stream()
                    .mapToDouble(time -> time.toNanos() / 1e3)
                    .sum();
            double dense = report.flopsSaved() / report.flopsSavedShare();
            double head = 2.0 * 32 * 64;
            assertThat(micros * FLOPS_PER_MICRO)
                    .isCloseTo(
                            dense - report.flopsSaved() - head, org.assertj.core.data.Percentage.withPercentage(0.1));
            assertThat(report.prefillStages().get(0))
                    .isGreaterThan(report.prefillStages().get(1));
        }
    }

    @Test
    void theHostStaysTwoSlicesAheadAndACancelEndsThePrefillThere() {
        AtomicBoolean held = new AtomicBoolean();
        HeldOps device = new HeldOps("attend", 1);
        QueuedBackend.Queue queue = new QueuedBackend.Queue(
                (op, arguments) -> {
                    if (held.get()) {
                        device.before(op, arguments);
                    }
                },
                FLOPS_PER_MICRO);
        try (TestEngine test = settings(queue).open(folder);
                device) {
            // So that the device's speed is known.
            test.submit(greedy(test.prompt(1, 1000), 1)).awaitFinish(FinishReason.LENGTH);
            held.set(true);
            RecordedGeneration running = new RecordedGeneration();
            Generation generation = test.engine.submit(greedy(test.prompt(2, 1000), 4), running);
            device.awaitHeld();
            RecordedGeneration.await("the host to wait for the device", queue::hostWaits);

            assertThat(queue.ahead() / SLICE_FLOPS)
                    .as("slices that the device has before it")
                    .isBetween(1.5, 2.3);
            double enqueued = queue.enqueued();
            generation.cancel();
            device.release();

            GenerationReport report = running.awaitFinish(FinishReason.CANCELLED);
            assertThat(report.prefillStages()).isEmpty();
            assertThat(queue.enqueued()).as("FLOPs enqueued after the cancel").isEqualTo(enqueued);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void aTimeoutEndsThePrefillThere() {
        AtomicBoolean held = new AtomicBoolean();
        HeldOps device = new HeldOps("attend", 1);
        QueuedBackend.Queue queue = new QueuedBackend.Queue(
                (op, arguments) -> {
                    if (held.get()) {
                        device.before(op, arguments);
                    }
                },
                FLOPS_PER_MICRO);
        try (TestEngine test = settings(queue).open(folder);
                device) {
            test.submit(greedy(test.prompt(1, 1000), 1)).awaitFinish(FinishReason.LENGTH);
            held.set(true);
            Duration timeout = Duration.ofSeconds(2);
            RecordedGeneration running = test.submit(new GenerationRequest(
                    test.prompt(2, 1000), Sampling.GREEDY, 4, Set.of(), null, true, null, timeout));
            RecordedGeneration.await("the host to wait for the device", queue::hostWaits);
            double enqueued = queue.enqueued();
            RecordedGeneration.await(
                    "the time-out",
                    () -> test.engine.snapshot().requests().get(0).age().compareTo(timeout) > 0);
            device.release();

            running.awaitFailure(EngineException.Kind.TIMEOUT);
            assertThat(queue.enqueued()).as("FLOPs enqueued after the time-out").isEqualTo(enqueued);
        }
    }
}
