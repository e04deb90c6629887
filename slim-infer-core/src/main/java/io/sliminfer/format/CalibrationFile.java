package io.sliminfer.format;

import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.UnitAggregation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * {@code slim-infer.json} of a model folder: the pruning schedule that was found for this model ({@code docs/algorithm.md},
 * Calibrated schedules). It comes with the model and is as little trusted: a field that is unknown, missing or out of range, or a
 * model of another size, is refused by name.
 *
 * @param layers   layers of the model that it is for
 * @param hidden   that model's hidden size
 * @param measured what the schedule cost when it was found, for readers only; null if the file does not say
 * @param whole    linear layers whose weights are not to be quantised, such as {@code model.layers.3.mlp.down_proj}, with the relative L2
 *                 error that their outputs would have in 8 bits
 */
public record CalibrationFile(
        int layers, int hidden, PruneSchedule schedule, @Nullable Measured measured, Map<String, Double> whole) {

    public CalibrationFile {
        whole = Collections.unmodifiableMap(new TreeMap<>(whole));
    }

    /** All weights may be quantised. */
    public CalibrationFile(int layers, int hidden, PruneSchedule schedule, @Nullable Measured measured) {
        this(layers, hidden, schedule, measured, Map.of());
    }

    /** Its name in a model folder. */
    public static final String NAME = "slim-infer.json";

    private static final int FORMAT = 1;
    private static final long BYTES_MAX = 64 << 10;
    private static final Set<String> FIELDS = Set.of(
            "format",
            "layers",
            "hidden",
            "schedule",
            "block",
            "unit",
            "window",
            "sink",
            "aggregation",
            "measured",
            "whole");
    private static final Set<String> MEASURED_FIELDS =
            Set.of("prompts", "promptTokens", "divergence", "agreement", "flopsSavedShare");

    /**
     * @param prompts         prompts that were measured
     * @param promptTokens    tokens of all of them
     * @param divergence      mean divergence of their answers from dense ones, in nats
     * @param agreement       share of prompts whose answers began as the dense ones, 0..1
     * @param flopsSavedShare mean share of dense prefill's FLOPs that was saved, 0..1
     */
    public record Measured(
            int prompts, long promptTokens, double divergence, double agreement, double flopsSavedShare) {}

    /**
     * Reads a file for a model.
     *
     * @throws ModelFormatException naming the field, what was found and what is allowed
     */
    public static CalibrationFile read(Path file, ModelConfig model) {
        JsonFields fields = Json.readObject(file, BYTES_MAX);
        requireKnown(fields, FIELDS);
        if (required(fields, "format", 1, Integer.MAX_VALUE) != FORMAT) {
            throw fields.wrong("format", "this version reads format " + FORMAT);
        }
        int layers = required(fields, "layers", 1, Integer.MAX_VALUE);
        int hidden = required(fields, "hidden", 1, Integer.MAX_VALUE);
        requireSame(fields, "layers", layers, "num_hidden_layers", model.layers());
        requireSame(fields, "hidden", hidden, "hidden_size", model.hidden());
        return new CalibrationFile(
                layers,
                hidden,
                schedule(fields, layers),
                measured(fields.object("measured")),
                whole(fields.object("whole"), model));
    }

    /** The file of a model's folder, if it has one. */
    public static Optional<CalibrationFile> find(ModelFolder folder) {
        Path file = folder.path().resolve(NAME);
        return Files.exists(file) ? Optional.of(read(file, folder.config())) : Optional.empty();
    }

    private static Map<String, Double> whole(@Nullable JsonFields fields, ModelConfig model) {
        Map<String, Double> whole = new TreeMap<>();
        if (fields == null) {
            return whole;
        }
        Set<String> tensors = new HashSet<>();
        ExpectedTensor.of(model).forEach(tensor -> tensors.add(tensor.name()));
        for (Map.Entry<String, JsonNode> field : fields.fields()) {
            if (!tensors.contains(field.getKey() + ".weight")) {
                throw fields.wrong(
                        field.getKey(),
                        "the model has no such layer; names are those of tensors without .weight, such as model.layers.0.mlp.down_proj");
            }
            whole.put(field.getKey(), number(fields, field.getKey(), Double.MAX_VALUE));
        }
        return whole;
    }

    private static PruneSchedule schedule(JsonFields fields, int layers) {
        int block = required(fields, "block", 1, PruneSchedule.BLOCK_MAX);
        int unit = required(fields, "unit", 1, block);
        int window = required(fields, "window", 1, PruneSchedule.WINDOW_MAX);
        int sink = required(fields, "sink", 0, Integer.MAX_VALUE);
        UnitAggregation aggregation;
        try {
            aggregation = UnitAggregation.parse(text(fields, "aggregation"));
        } catch (IllegalArgumentException e) {
            throw fields.wrong("aggregation", e.getMessage());
        }
        try {
            PruneSchedule schedule = new PruneSchedule(
                    block, unit, window, sink, aggregation, PruneSchedule.parseSteps(text(fields, "schedule")));
            schedule.requireLayers(layers);
            return schedule;
        } catch (IllegalArgumentException e) {
            throw fields.wrong("schedule", e.getMessage());
        }
    }

    private static @Nullable Measured measured(@Nullable JsonFields fields) {
        if (fields == null) {
            return null;
        }
        requireKnown(fields, MEASURED_FIELDS);
        JsonNode tokens = fields.get("promptTokens");
        if (!tokens.isIntegralNumber() || !tokens.canConvertToLong() || tokens.longValue() < 1) {
            throw fields.wrong("promptTokens", "a whole number of 1 or more is expected");
        }
        return new Measured(
                required(fields, "prompts", 1, Integer.MAX_VALUE),
                tokens.longValue(),
                number(fields, "divergence", Double.MAX_VALUE),
                number(fields, "agreement", 1),
                number(fields, "flopsSavedShare", 1));
    }

    private static void requireKnown(JsonFields fields, Set<String> known) {
        for (Map.Entry<String, JsonNode> field : fields.fields()) {
            if (!known.contains(field.getKey())) {
                throw fields.wrong(
                        field.getKey(),
                        "this field is unknown here; known are "
                                + String.join(", ", known.stream().sorted().toList()));
            }
        }
    }

    private static void requireSame(JsonFields fields, String name, int stated, String configName, int model) {
        if (stated != model) {
            throw fields.wrong(
                    name,
                    "config.json says " + configName + "=" + model
                            + ": the file was made for another model. Calibrate this one, or remove the file");
        }
    }

    private static int required(JsonFields fields, String name, int min, int max) {
        if (!fields.has(name)) {
            throw fields.wrong(name, "a whole number from " + min + " to " + max + " is expected");
        }
        return fields.integer(name, min, min, max);
    }

    private static double number(JsonFields fields, String name, double max) {
        double number = fields.number(name, Double.NaN);
        if (!(number >= 0 && number <= max)) {
            throw fields.wrong(name, "a number from 0 to " + max + " is expected");
        }
        return number;
    }

    private static String text(JsonFields fields, String name) {
        String text = fields.text(name);
        if (text == null) {
            throw fields.wrong(name, "a string is expected");
        }
        return text;
    }

    /**
     * Writes the file as {@link #read} takes it, in place of one that is there.
     *
     * @throws UncheckedIOException if it cannot be written
     */
    public void write(Path file) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("format", FORMAT);
        fields.put("layers", layers);
        fields.put("hidden", hidden);
        fields.put("schedule", schedule.stepsText());
        fields.put("block", schedule.block());
        fields.put("unit", schedule.unit());
        fields.put("window", schedule.window());
        fields.put("sink", schedule.sink());
        fields.put("aggregation", schedule.aggregation().toString());
        if (measured != null) {
            Map<String, Object> numbers = new LinkedHashMap<>();
            numbers.put("prompts", measured.prompts());
            numbers.put("promptTokens", measured.promptTokens());
            numbers.put("divergence", measured.divergence());
            numbers.put("agreement", measured.agreement());
            numbers.put("flopsSavedShare", measured.flopsSavedShare());
            fields.put("measured", numbers);
        }
        if (!whole.isEmpty()) {
            fields.put("whole", whole);
        }
        try {
            Files.writeString(file, Json.text(fields) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
        }
    }
}
