package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.golden.TinyModel;
import io.sliminfer.prune.PruneSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What the KV cache's type does to answers: the tiny model in float32, dense and pruned, against the reference's greedy ids. The
 * result goes to {@code target/kv-types.md}, which docs/kv-cache.md shows for {@code -Dkv-types.prompt-tokens-max=5000}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("once") // a JDK changes nothing of rounding
class KvTypeEffectTests {

    /** Longer prompts are left out: with them it takes minutes. */
    private static final int PROMPT_TOKENS_MAX = Integer.getInteger("kv-types.prompt-tokens-max", 900);

    private final List<String> lines = new ArrayList<>();
    private List<TinyModel.Case> cases = List.of();
    private List<float[]> exactLogits = List.of();

    /** One prompt with a schedule and the reference's ids. */
    private record Run(int[] prompt, PruneSchedule schedule, int[] greedy) {}

    /**
     * @param ids          of the reference's answers
     * @param sameIds      ids up to the first that differs, summed over the answers
     * @param logits       of the first token of each answer
     */
    private record Effect(int answers, int sameAnswers, int ids, int sameIds, List<float[]> logits) {}

    @BeforeAll
    void runsWithAnExactCache() {
        assumeThat(TinyModel.isThere()).as("samples/tiny-model").isTrue();
        GoldenRun.assumeUsable("cpu");
        cases = TinyModel.cases().stream()
                .filter(golden -> golden.prompt().length <= PROMPT_TOKENS_MAX)
                .toList();
        Effect exact = measure(KvType.F32);
        assertThat(exact.answers()).isGreaterThanOrEqualTo(8);
        assertThat(exact.sameIds()).as("ids with a float32 cache").isEqualTo(exact.ids());
        exactLogits = exact.logits();
        report(KvType.F32, exact);
    }

    /** Floors and ceilings that leave a little room for another CPU's rounding. */
    @ParameterizedTest
    @CsvSource({"F16, 1.00, 0.001", "BF16, 0.98, 0.01", "INT8, 0.95, 0.03"})
    void answersStayTheSame(KvType type, double sameIdsMin, double logitsErrorMax) {
        Effect effect = measure(type);
        report(type, effect);
        assertThat((double) effect.sameIds() / effect.ids())
                .as("share of the reference's ids, %s", effect)
                .isGreaterThanOrEqualTo(sameIdsMin);
        assertThat(logitsError(effect))
                .as("relative error of first logits")
                .isPositive()
                .isLessThan(logitsErrorMax);
    }

    private Effect measure(KvType type) {
        int sameAnswers = 0;
        int ids = 0;
        int sameIds = 0;
        List<float[]> logits = new ArrayList<>();
        try (ModelPass pass =
                ModelPass.open(TinyModel.folder(), "cpu", DType.F32, type, 0, PROMPT_TOKENS_MAX + 64, 512)) {
            for (Run run : runs()) {
                ModelPass.Result result = pass.run(run.prompt(), run.schedule(), run.greedy().length);
                int mismatch = Arrays.mismatch(result.greedy(), run.greedy());
                sameAnswers += mismatch < 0 ? 1 : 0;
                ids += run.greedy().length;
                sameIds += mismatch < 0 ? run.greedy().length : mismatch;
                logits.add(result.logits());
            }
        }
        return new Effect(logits.size(), sameAnswers, ids, sameIds, logits);
    }

    /** Each case dense and with its first schedule. */
    private List<Run> runs() {
        List<Run> runs = new ArrayList<>();
        for (TinyModel.Case golden : cases) {
            runs.add(new Run(
                    golden.prompt(), PruneSchedule.dense(), golden.dense().greedy()));
            TinyModel.Pruned pruned = golden.pruned().get(0);
            runs.add(new Run(golden.prompt(), pruned.schedule(), pruned.answer().greedy()));
        }
        return runs;
    }

    /** Mean relative L2 distance to the logits with a float32 cache. */
    private double logitsError(Effect effect) {
        double sum = 0;
        for (int i = 0; i < exactLogits.size(); i++) {
            sum += GoldenRun.relativeError(effect.logits().get(i), exactLogits.get(i));
        }
        return sum / exactLogits.size();
    }

    private void report(KvType type, Effect effect) {
        lines.add(String.format(
                Locale.ROOT,
                "| `%s` | %d | %d of %d | %d of %d | %.1e |",
                type,
                type.slotBytes(64, 2, 64),
                effect.sameAnswers(),
                effect.answers(),
                effect.sameIds(),
                effect.ids(),
                logitsError(effect)));
    }

    @AfterAll
    void writeTable() throws IOException {
        if (!lines.isEmpty()) {
            Files.write(Path.of("target/kv-types.md"), lines);
        }
    }
}
