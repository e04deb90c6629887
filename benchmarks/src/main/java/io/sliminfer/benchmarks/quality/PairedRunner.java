package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.spring.SlimInferChatOptions;
import io.sliminfer.spring.SlimInferMetadata;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;

/**
 * Asks every case densely and by each way of pruning, greedily, one request at a time, through the chat model that a user has. The
 * order of the ways turns by one with each case, so that none of them always runs on a warmer or busier machine.
 */
public final class PairedRunner {

    private final ChatModel model;
    private final List<PruneVariant> variants;
    private final JsonLines lines;
    private final Consumer<String> progress;

    /**
     * @param lines    gets one line a case as soon as it is done
     * @param progress gets one short line a case, for people
     */
    public PairedRunner(ChatModel model, List<PruneVariant> variants, JsonLines lines, Consumer<String> progress) {
        if (variants.isEmpty()) {
            throw new IllegalArgumentException("nothing to compare with dense prefill: give at least one schedule");
        }
        this.model = model;
        this.variants = List.copyOf(variants);
        this.lines = lines;
        this.progress = progress;
    }

    /** All results in the order of the cases, and of the variants within a case. */
    public List<PairedResult> run(List<EvalCase> cases) {
        warmUp(cases);
        List<PairedResult> results = new ArrayList<>();
        for (int i = 0; i < cases.size(); i++) {
            List<PairedResult> ofCase = runCase(cases.get(i), i);
            lines.write(line(ofCase));
            progress.accept(progressLine(ofCase, i + 1, cases.size()));
            results.addAll(ofCase);
        }
        return results;
    }

    /** The first requests compile code and touch weights; their times are not counted. */
    private void warmUp(List<EvalCase> cases) {
        if (!cases.isEmpty()) {
            ask(cases.get(0), null);
            ask(cases.get(0), variants.get(0));
        }
    }

    private List<PairedResult> runCase(EvalCase asked, int turn) {
        int ways = variants.size() + 1;
        Outcome[] outcomes = new Outcome[ways];
        for (int i = 0; i < ways; i++) {
            int way = (i + turn) % ways;
            outcomes[way] = ask(asked, way == 0 ? null : variants.get(way - 1));
        }
        List<PairedResult> results = new ArrayList<>();
        for (int v = 0; v < variants.size(); v++) {
            results.add(new PairedResult(asked, variants.get(v), outcomes[0], outcomes[v + 1]));
        }
        return results;
    }

    /** @param variant null for dense prefill */
    private Outcome ask(EvalCase asked, @Nullable PruneVariant variant) {
        SlimInferChatOptions.Builder options =
                SlimInferChatOptions.builder().temperature(0.0).maxTokens(asked.maxTokens());
        SlimInferChatOptions built = (variant == null ? options.pruning(false) : variant.apply(options)).build();
        ChatResponse response = model.call(new Prompt(Turn.toMessages(asked.messages()), built));
        String text = Objects.requireNonNullElse(
                Objects.requireNonNull(response.getResult()).getOutput().getText(), "");
        return new Outcome(
                text,
                asked.score(text),
                response.getMetadata().getUsage().getPromptTokens(),
                response.getMetadata().getUsage().getCompletionTokens(),
                number(response, SlimInferMetadata.TTFT_MS),
                number(response, SlimInferMetadata.PRUNED_SHARE),
                keptShares(response));
    }

    private static List<Double> keptShares(ChatResponse response) {
        GenerationReport report = response.getMetadata().get(SlimInferMetadata.REPORT);
        Objects.requireNonNull(report, SlimInferMetadata.REPORT + " is missing in the response's metadata");
        return report.stages().stream()
                .skip(1)
                .map(stage -> (double) stage.liveTokens() / report.promptTokens())
                .toList();
    }

    private static double number(ChatResponse response, String key) {
        Double value = response.getMetadata().get(key);
        return Objects.requireNonNull(value, key + " is missing in the response's metadata");
    }

    private static Map<String, Object> line(List<PairedResult> results) {
        PairedResult first = results.get(0);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "case");
        line.put("id", first.asked().id());
        line.put("task", first.asked().task());
        line.put("length", first.asked().length());
        line.put("promptTokens", first.dense().promptTokens());
        line.put("metric", first.asked().metric().label());
        line.putAll(first.asked().notes());
        line.put("expected", first.asked().expected());
        line.put("dense", first.dense().toMap());
        List<Map<String, Object>> pruned = new ArrayList<>();
        for (PairedResult result : results) {
            Map<String, Object> outcome = new LinkedHashMap<>();
            outcome.put("variant", result.variant().label());
            outcome.putAll(result.pruned().toMap());
            outcome.put("differs", result.differs());
            pruned.add(outcome);
        }
        line.put("pruned", pruned);
        return line;
    }

    private static String progressLine(List<PairedResult> results, int done, int all) {
        PairedResult first = results.get(0);
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "%d/%d %s: dense %.2f",
                done,
                all,
                first.asked().id(),
                first.dense().score()));
        for (PairedResult result : results) {
            line.append(String.format(
                    Locale.ROOT,
                    ", %s %.2f",
                    result.variant().label(),
                    result.pruned().score()));
        }
        return line.toString();
    }
}
