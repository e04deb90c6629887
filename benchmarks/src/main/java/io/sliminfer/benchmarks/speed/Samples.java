package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.format.ModelFolder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Lines of results that runs have in common. */
final class Samples {

    private Samples() {}

    /** A sample without what was measured. */
    static Map<String, Object> of(String mode, int promptTokens) {
        Map<String, Object> sample = new LinkedHashMap<>();
        sample.put("type", "sample");
        sample.put("mode", mode);
        sample.put("promptTokens", promptTokens);
        return sample;
    }

    /** A note that goes below the table. */
    static Map<String, Object> notMeasured(Baseline baseline, String since, String reason) {
        Map<String, Object> note = new LinkedHashMap<>();
        note.put("type", "note");
        note.put("baseline", baseline.label());
        note.put("text", baseline.title() + " is not measured" + since + ": " + reason);
        return note;
    }

    /** @param backend as {@link RunHeader#backend} has it */
    static Map<String, Object> header(
            String benchmark, ModelFolder folder, SpeedSettings settings, JsonNode backend, List<String> arguments) {
        Map<String, Object> header = RunHeader.of(arguments);
        header.put("benchmark", benchmark);
        header.put("model", settings.model().name());
        header.put("parameters", folder.parameters());
        header.put("modelDtype", folder.config().dtype().name().toLowerCase(Locale.ROOT));
        header.put("backend", backend);
        header.put("threads", settings.threadCount());
        header.put("modes", settings.modes().stream().map(Mode::label).toList());
        header.put(
                "weights",
                settings.weights().stream().map(WeightPrecision::toString).toList());
        header.put("rounds", settings.rounds());
        header.put("seed", settings.seed());
        header.put(
                "baselines", settings.baselines().stream().map(Baseline::label).toList());
        if (settings.baselines().contains(Baseline.LLAMA)) {
            header.put("llamaWeights", Peers.llamaWeights(settings));
        }
        return header;
    }

    /** The name of a row. */
    static String title(String mode, JsonNode header) {
        for (Baseline baseline : Baseline.values()) {
            if (mode.equals(baseline.label())) {
                String weights =
                        switch (baseline) {
                            case GEMM -> "";
                            case LLAMA -> " " + header.path("llamaWeights").asString("");
                            case JLAMA -> " Q4";
                        };
                return baseline.title() + weights;
            }
        }
        return mode;
    }
}
