package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.format.ModelFolder;
import io.sliminfer.golden.GoldenCases;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mass budgets against {@link PlainGeneration}: the same blocks stay at every decision, and answers go on from them. */
@Tag("once") // arithmetic, which a JDK does not change
class MassBudgetTests {

    private static final double TOLERANCE = 1e-4;

    /** Decisions closer than this could fall differently in float32. */
    private static final double MARGIN_MIN = 1e-5;

    private static final int[] TOKENS = {17, 230, 5, 99, 301, 42, 8};

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "java | llama-tied | 2:p0.4:0.1-0.9,4:p0.5:0.05-0.6",
                "cpu | llama-tied | 2:p0.4:0.1-0.9,4:p0.5:0.05-0.6",
                "java | qwen3 | 1:p0.6:64-0.8/80,3:100",
                "cpu | qwen3 | 1:p0.6:64-0.8/80,3:100",
                "java | qwen2 | 0:p0.7:0.1-1.0,2:p0.7:0.1-1.0/0.3,4:p0.7:0.1-1.0",
                "cpu | qwen2 | 0:p0.7:0.1-1.0,2:p0.7:0.1-1.0/0.3,4:p0.7:0.1-1.0"
            })
    void keepsTheBlocksOfTheReference(String backend, String model, String steps) {
        GoldenRun.assumeUsable(backend);
        GoldenCases.Model golden = GoldenCases.model(model);
        PruneSchedule schedule = new PruneSchedule(16, 4, 16, 16, PruneSchedule.parseSteps(steps));
        Set<Integer> sizes = new HashSet<>();
        try (ModelPass pass = ModelPass.open(golden.folder(), backend, 340, 128, 8, 1);
                ModelFolder folder = ModelFolder.open(golden.folder())) {
            for (int from = 0; from < 100; from += 25) {
                int[] prompt = Arrays.copyOfRange(golden.prompt(), from, from + 250 + from / 3);
                PlainGeneration expected = new PlainGeneration(new PlainModel(folder), prompt, schedule, 0.9);
                List<List<Integer>> live = new ArrayList<>();
                for (PruneStep step : schedule.steps()) {
                    live.add(expected.live(step.layer()));
                }
                assertThat(expected.margin).as("margin of the case").isGreaterThan(MARGIN_MIN);

                List<List<Integer>> kept = pass.run(prompt, schedule, 1).keptBlocks();
                List<ModelPass.Step> answer = pass.follow(List.of(prompt), List.of(schedule), TOKENS, 0.9)
                        .get(0);

                assertThat(kept.subList(1, kept.size()))
                        .as("%s, prompt from %d (margin %s)", schedule, from, expected.margin)
                        .isEqualTo(live);
                for (int i = 0; i < TOKENS.length; i++) {
                    assertThat(GoldenRun.relativeError(answer.get(i).logits(), expected.step(TOKENS[i])))
                            .as("%s, prompt from %d, step %d: logits", schedule, from, i)
                            .isLessThan(TOLERANCE);
                    List<List<Integer>> active = new ArrayList<>();
                    schedule.steps().forEach(step -> active.add(expected.active(step.layer())));
                    assertThat(answer.get(i).active()).isEqualTo(active);
                }
                assertThat(pass.kv().deviceSlotsUsed())
                        .as("slots in use afterwards")
                        .isZero();
                sizes.add(live.get(0).size() * 16 * 100 / prompt.length);
            }
        }
        assertThat(sizes).as("shares kept of different prompts").hasSizeGreaterThan(1);
    }
}
