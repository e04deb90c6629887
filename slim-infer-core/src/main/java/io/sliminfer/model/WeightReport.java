package io.sliminfer.model;

import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightForm;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.ChannelQuantiser;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * In which forms a backend keeps a model's matrices, and what that costs.
 *
 * @param sources quantised types of the file, such as {@code Q4_K}; empty if there are none
 * @param forms   the one with most bytes first
 * @param error   relative L2 error of what was quantised, beside the file: 0.01 is one percent. 0 if nothing was
 * @param kept    matrices that are not quantised although others are
 */
public record WeightReport(List<String> sources, List<Form> forms, double error, List<Kept> kept) {

    public static final WeightReport UNKNOWN = new WeightReport(List.of(), List.of(), 0, List.of());

    /** Kept matrices that the text names. */
    private static final int NAMED_MAX = 3;

    /**
     * @param type such as {@code int8} or {@code bf16}
     */
    public record Form(String type, long bytes) {}

    /**
     * @param layer  first tensor of the linear layer, without {@code .weight}
     * @param type   its form
     * @param reason why
     */
    public record Kept(String layer, String type, String reason) {}

    /** Collects forms while weights are loaded. */
    static final class Builder {
        private final Collection<String> sources;
        private final Map<String, Long> bytes = new TreeMap<>();
        private final List<Kept> kept = new ArrayList<>();
        private ChannelQuantiser.Loss loss = ChannelQuantiser.Loss.NONE;

        Builder(Collection<String> sources) {
            this.sources = sources;
        }

        void add(WeightSpec spec, Weight weight) {
            WeightForm form = weight.form();
            if (spec.use() == WeightSpec.Use.GAIN || form.type().isEmpty()) {
                return;
            }
            bytes.merge(form.type(), weight.bytes(), Long::sum);
            loss = loss.plus(form.loss());
            if (form.kept() != null) {
                kept.add(new Kept(spec.layer(), form.type(), form.kept()));
            }
        }

        WeightReport build() {
            List<Form> forms = bytes.entrySet().stream()
                    .map(entry -> new Form(entry.getKey(), entry.getValue()))
                    .sorted(Comparator.comparingLong(Form::bytes).reversed())
                    .toList();
            return new WeightReport(List.copyOf(sources), forms, loss.relative(), List.copyOf(kept));
        }
    }

    /** For the line at start, such as {@code int8 (re-quantised from Q4_K, error 0.9 %)}. */
    public String text() {
        StringBuilder text = new StringBuilder(
                forms.stream().map(Form::type).limit(NAMED_MAX).collect(Collectors.joining(" and ")));
        String from = String.join(", ", sources);
        if (error > 0) {
            text.append(String.format(
                    Locale.ROOT,
                    " (%serror %.1f %%)",
                    sources.isEmpty() ? "" : "re-quantised from " + from + ", ",
                    100 * error));
        } else if (!sources.isEmpty()) {
            text.append(text.isEmpty() ? "from " : " (from ").append(from).append(text.isEmpty() ? "" : ")");
        }
        if (!kept.isEmpty()) {
            text.append("; not quantised: ")
                    .append(kept.stream()
                            .limit(NAMED_MAX)
                            .map(one -> one.layer + " in " + one.type + " (" + one.reason + ")")
                            .collect(Collectors.joining(", ")));
            if (kept.size() > NAMED_MAX) {
                text.append(" and ").append(kept.size() - NAMED_MAX).append(" more");
            }
        }
        return text.toString();
    }
}
