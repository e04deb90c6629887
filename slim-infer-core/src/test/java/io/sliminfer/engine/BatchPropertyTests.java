package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.TestBackends;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a request's answer must not depend on: its neighbours, its slots, when it came. */
@Timeout(120)
class BatchPropertyTests {

    @TempDir
    Path folder;

    static List<String> backends() {
        return TestBackends.names("cpu", "java");
    }

    private TestEngine open(String backend, ModelFolderWriter model) {
        GoldenRun.assumeUsable(backend);
        return TestEngine.settings()
                .backend(backend)
                .threads(2)
                .prefillTile(64)
                .batchMax(8)
                // Blocks of 8 are slots, so that schedules with blocks of 8 may have decode budgets.
                .pruning(PruneSettings.of(new PruneSchedule(8, 4, 10, 8, List.of()), 0))
                // Less than any piece takes: prefills are interrupted wherever they can be.
                .prefillSlice(Duration.ofNanos(1))
                .open(model.write(folder));
    }

    private static GenerationRequest request(TestEngine test, Random random, int index) {
        PruneSchedule schedule =
                switch (index % 4) {
                    case 0 -> PruneSchedule.dense();
                    case 1 -> new PruneSchedule(8, 4, 10, 8, PruneSchedule.parseSteps("1:0.5,3:0.25"));
                    case 2 -> new PruneSchedule(8, 4, 10, 8, PruneSchedule.parseSteps("1:0.6/40,3:0.4/24"));
                    default ->
                        new PruneSchedule(8, 4, 10, 8, PruneSchedule.parseSteps("1:p0.5:0.2-0.9,3:p0.6:0.1-0.6"));
                };
        // Some are long enough for others to pass them.
        int[] prompt = test.prompt(index, 1 + random.nextInt(index % 5 == 0 ? 800 : 150));
        Sampling sampling =
                random.nextBoolean() ? Sampling.GREEDY : new Sampling(0.9, 0, 0.95, 0, 1.1, 0, 0.1, random.nextLong());
        return new GenerationRequest(prompt, sampling, 10 + random.nextInt(90), Set.of(), schedule);
    }

    @ParameterizedTest
    @MethodSource("backends")
    void aSequenceAloneEqualsTheSameInABatch(String backend) {
        try (TestEngine test =
                open(backend, TestBackends.fit(SmallModels.qwen3()).seed(4))) {
            Random random = new Random(8);
            List<GenerationRequest> requests = new ArrayList<>();
            List<List<Integer>> alone = new ArrayList<>();
            List<GenerationReport> reports = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                GenerationRequest request = request(test, random, i);
                RecordedGeneration generation = test.submit(request);
                requests.add(request);
                reports.add(generation.awaitFinish(FinishReason.LENGTH));
                alone.add(generation.tokens());
            }

            List<RecordedGeneration> together =
                    requests.stream().map(test::submit).toList();

            for (int i = 0; i < requests.size(); i++) {
                GenerationReport report = together.get(i).awaitFinish(FinishReason.LENGTH);
                assertThat(report.stages())
                        .as("request %d: kept blocks", i)
                        .isEqualTo(reports.get(i).stages());
                assertThat(together.get(i).tokens()).as("request %d", i).isEqualTo(alone.get(i));
            }
            assertThat(new HashSet<>(alone)).as("different answers").hasSizeGreaterThan(6);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    /** The order in which requests come, how long each may be cancelled after, and so who is in a batch, are random. */
    @ParameterizedTest
    @MethodSource("backends")
    void arrivalsAndCancelsOfOthersChangeNoAnswer(String backend) {
        try (TestEngine test =
                open(backend, TestBackends.fit(SmallModels.llama()).seed(7))) {
            long seed = 21;
            Random random = new Random(seed);
            List<GenerationRequest> requests = new ArrayList<>();
            List<List<Integer>> alone = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                requests.add(request(test, random, i));
                RecordedGeneration generation = test.submit(requests.get(i));
                generation.awaitFinish(FinishReason.LENGTH);
                alone.add(generation.tokens());
            }
            for (int round = 0; round < 2; round++) {
                List<Integer> order = new ArrayList<>();
                for (int i = 0; i < 2 * requests.size(); i++) {
                    order.add(i % requests.size());
                }
                Collections.shuffle(order, random);
                List<CancelledAfter> running = new ArrayList<>();
                for (int index : order) {
                    int cancelAfter = random.nextInt(3) == 0 ? random.nextInt(20) : Integer.MAX_VALUE;
                    running.add(new CancelledAfter(test, requests.get(index), cancelAfter));
                    RecordedGeneration.await(
                            "a few others", () -> test.engine.snapshot().queued() < 4);
                }
                for (int i = 0; i < order.size(); i++) {
                    List<Integer> expected = alone.get(order.get(i));
                    List<Integer> tokens = running.get(i).awaitEnd();
                    assertThat(tokens)
                            .as("seed %d, round %d, request %d", seed, round, order.get(i))
                            .isEqualTo(expected.subList(0, tokens.size()));
                    assertThat(running.get(i).cancelAfter < Integer.MAX_VALUE || tokens.size() == expected.size())
                            .isTrue();
                }
            }
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    /** Cancels itself once it has so many tokens, or at once. */
    private static final class CancelledAfter extends RecordedGeneration {
        private final int cancelAfter;
        private final Generation generation;

        CancelledAfter(TestEngine test, GenerationRequest request, int cancelAfter) {
            this.cancelAfter = cancelAfter;
            generation = test.engine.submit(request, this);
            if (cancelAfter == 0) {
                generation.cancel();
            }
        }

        @Override
        public void onToken(int id) {
            super.onToken(id);
            if (tokens().size() == cancelAfter && generation != null) {
                generation.cancel();
            }
        }

        List<Integer> awaitEnd() {
            RecordedGeneration.await("its end", this::hasEnded);
            assertThat(failure()).isNull();
            return tokens();
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void aSeedGivesTheSameTextAndOthersDiffer(String backend) {
        try (TestEngine test =
                open(backend, TestBackends.fit(SmallModels.llama()).seed(5))) {
            int[] prompt = test.prompt(1, 70);
            Set<List<Integer>> answers = new HashSet<>();
            for (long seed = 0; seed < 5; seed++) {
                List<Integer> first = drawn(test, prompt, seed);
                assertThat(drawn(test, prompt, seed)).as("seed %d again", seed).isEqualTo(first);
                answers.add(first);
            }
            assertThat(answers).as("answers of five seeds").hasSize(5);
        }
    }

    private static List<Integer> drawn(TestEngine test, int[] prompt, long seed) {
        Sampling sampling = new Sampling(0.8, 40, 0.95, 0, 1, 0, 0, seed);
        RecordedGeneration generation = test.submit(new GenerationRequest(prompt, sampling, 24, Set.of(), null));
        generation.awaitFinish(FinishReason.LENGTH);
        return generation.tokens();
    }
}
