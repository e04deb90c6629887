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
import org.jspecify.annotations.Nullable;

/**
 * In which forms a backend keeps a model's matrices, and what that costs.
 *
 * @param sources quantised types of the file, such as {@code Q4_K}; empty if there are none
 * @param forms   the one with most bytes first
 * @param error   relative L2 error of what was quantised, beside the file: 0.01 is one percent. 0 if nothing was
 * @param kept    matrices that are not quantised although others are
 * @param cached  what came from a cache of packed weights, or null where none was used
 */
public record WeightReport(
        List<String> sources, List<Form> forms, double error, List<Kept> kept, @Nullable Cached cached) {

    public static final WeightReport UNKNOWN = new WeightReport(List.of(), List.of(), 0, List.of(), null);

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

    /**
     * Matrices that a cache of packed weights is for.
     *
     * @param found of these, read from it; the others were packed at this start
     * @param of    all
     */
    public record Cached(int found, int of) {}

    /** Collects forms while weights are loaded. */
    static final class Builder {
        private final Collection<String> sources;
        private final Map<String, Long> bytes = new TreeMap<>();
        private final List<Kept> kept = new ArrayList<>();
        private int found;
        private int missed;
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
            switch (form.cache()) {
                case FOUND -> found++;
                case MISSED -> missed++;
                case UNUSED -> {}
            }
            if (form.kept() != null) {
                kept.add(new Kept(spec.layer(), form.type(), form.kept()));
            }
        }

        WeightReport build() {
            List<Form> forms = bytes.entrySet().stream()
                    .map(entry -> new Form(entry.getKey(), entry.getValue()))
                    .sorted(Comparator.comparingLong(Form::bytes).reversed())
                    .toList();
            Cached cached = found + missed == 0 ? null : new Cached(found, found + missed);
            return new WeightReport(List.copyOf(sources), forms, loss.relative(), List.copyOf(kept), cached);
        }
    }

    /** For the line at start, such as {@code int8 (re-quantised from Q4_K, error 0.9 %)}. */
    public String text() {
        StringBuilder text = new StringBuilder(
                forms.stream().map(Form::type).limit(NAMED_MAX).collect(Collectors.joining(" and ")));
        String facts = facts();
        if (!facts.isEmpty()) {
            text.append(text.isEmpty() ? facts : " (" + facts + ")");
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

    private String facts() {
        List<String> facts = new ArrayList<>();
        if (!sources.isEmpty()) {
            facts.add((error > 0 ? "re-quantised from " : "from ") + String.join(", ", sources));
        }
        if (cached != null) {
            facts.add(
                    cached.found == cached.of
                            ? "from the cache"
                            : cached.found + " of " + cached.of + " from the cache");
        }
        if (error > 0) {
            facts.add(String.format(Locale.ROOT, "error %.1f %%", 100 * error));
        }
        return String.join(", ", facts);
    }
}
