package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.ChannelQuantiser.Loss;
import io.sliminfer.format.ModelFolder;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What 8 bits in one part of a model, a layer or the output head, do to the logits after a prompt: the same prompts run with all weights as
 * they are and with those of one part in 8 bits, weights and inputs, by the kernels that serve requests. The model is in memory in both
 * forms.
 */
public final class LogitErrors extends WatchedModel {

    /** A layer's weights have this before their own names. */
    private static final Pattern LAYER = Pattern.compile("model\\.layers\\.\\d+");

    /** The part behind the last layer; with tied embeddings that is their table. */
    public static final String HEAD = "output head";

    /** What all parts together are called. */
    public static final String ALL = "all";

    private final Map<Weight, Forms> forms = new IdentityHashMap<>();
    private final Set<String> layers = new LinkedHashSet<>();
    private final List<String> kept = new ArrayList<>();
    private Set<String> eightBits = Set.of();
    private @Nullable Weight head;
    private @Nullable Readback landing;
    private float[] logits = {};

    private LogitErrors() {}

    /** A matrix in 8 bits, and the part of the model that it belongs to. */
    private record Forms(String part, Weight eightBits) {}

    /**
     * @param error relative L2 error of the logits after all prompts
     * @param same  share of the prompts after which the most likely token is the same
     */
    public record Effect(double error, double same) {}

    /**
     * @param effects of each layer, of the output head, and of {@link #ALL}, in the model's order
     * @param kept    matrices that the backend did not take in 8 bits, with its reasons
     */
    public record Result(Map<String, Effect> effects, List<String> kept) {}

    /**
     * @param backend name of the backend that runs the model, or null for the best
     * @throws IllegalArgumentException if it has no weights in 8 bits, or there is no prompt
     */
    public static Result measure(ModelFolder folder, @Nullable String backend, List<int[]> prompts) {
        if (prompts.isEmpty()) {
            throw new IllegalArgumentException("errors of logits need a prompt");
        }
        LogitErrors errors = new LogitErrors();
        try (LocalEngine engine = errors.open(folder, backend, WeightPrecision.INT8, prompts)) {
            List<float[]> exact = errors.logits(engine, prompts, Set.of());
            Map<String, Effect> effects = new LinkedHashMap<>();
            List<String> order = new ArrayList<>(errors.layers);
            order.add(HEAD);
            for (String part : order) {
                effects.put(part, effect(exact, errors.logits(engine, prompts, Set.of(part))));
            }
            effects.put(ALL, effect(exact, errors.logits(engine, prompts, Set.copyOf(order))));
            return new Result(effects, List.copyOf(errors.kept));
        }
    }

    private List<float[]> logits(LocalEngine engine, List<int[]> prompts, Set<String> quantised) {
        List<float[]> rows = new ArrayList<>();
        eightBits = quantised; // between two requests: submitting the next one hands it to the engine's thread
        for (int[] prompt : prompts) {
            prefill(engine, prompt);
            rows.add(logits.clone());
        }
        return rows;
    }

    private static Effect effect(List<float[]> exact, List<float[]> changed) {
        Loss loss = Loss.NONE;
        int same = 0;
        for (int i = 0; i < exact.size(); i++) {
            float[] before = exact.get(i);
            float[] after = changed.get(i);
            double error = 0;
            double signal = 0;
            for (int token = 0; token < before.length; token++) {
                double difference = (double) after[token] - before[token];
                error += difference * difference;
                signal += (double) before[token] * before[token];
            }
            loss = loss.plus(new Loss(error, signal));
            same += largest(before) == largest(after) ? 1 : 0;
        }
        return new Effect(loss.relative(), (double) same / exact.size());
    }

    private static int largest(float[] logits) {
        int largest = 0;
        for (int token = 1; token < logits.length; token++) {
            largest = logits[token] > logits[largest] ? token : largest;
        }
        return largest;
    }

    @Override
    Weight load(Backend backend, WeightSpec spec) {
        if (spec.use() != WeightSpec.Use.LINEAR && spec.use() != WeightSpec.Use.TABLE) {
            return backend.load(spec);
        }
        Matcher layer = LAYER.matcher(spec.name());
        Weight whole = backend.load(spec.keptBecause("what 8 bits are compared with"));
        Weight quantised = backend.load(spec);
        String reason = quantised.form().kept();
        if (reason != null) {
            kept.add(spec.layer() + ": " + reason);
        }
        if (layer.lookingAt()) {
            layers.add(layer.group());
            forms.put(whole, new Forms(layer.group(), quantised));
        } else {
            head = whole;
            forms.put(whole, new Forms(HEAD, quantised));
        }
        return whole;
    }

    @Override
    Weight multiply(Backend backend, Tensor in, Weight weight) {
        Forms other = forms.get(weight);
        return other != null && eightBits.contains(other.part()) ? other.eightBits() : weight;
    }

    @Override
    void multiplied(Backend backend, Tensor out, Weight weight) {
        if (weight != head) {
            return;
        }
        int columns = Math.toIntExact(out.columns());
        Readback readback = landing;
        if (readback == null) {
            readback = backend.readback(columns);
            landing = readback;
            logits = new float[columns];
        }
        backend.ops().read(readback, out.rows(0, 1));
        readback.join();
        readback.get(0, logits, columns);
    }
}
