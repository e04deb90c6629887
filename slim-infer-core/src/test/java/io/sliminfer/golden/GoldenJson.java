package io.sliminfer.golden;

import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads what the golden files of all models have in common. */
final class GoldenJson {

    static final JsonMapper MAPPER = new JsonMapper();

    private GoldenJson() {}

    static JsonNode read(Path file) {
        return MAPPER.readTree(file);
    }

    static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size())
                .map(i -> array.get(i).intValue())
                .toArray();
    }

    static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).floatValue();
        }
        return values;
    }

    static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::stringValue)
                .toList();
    }

    /** A budget is a whole number of tokens, or a share of the prompt, which is written with a decimal point. */
    static PruneSchedule schedule(JsonNode pruned) {
        List<PruneStep> steps = new ArrayList<>();
        for (JsonNode step : pruned.get("schedule")) {
            JsonNode budget = step.get(1);
            steps.add(new PruneStep(
                    step.get(0).intValue(),
                    budget.isIntegralNumber()
                            ? new Budget.Tokens(budget.intValue())
                            : new Budget.Share(budget.doubleValue())));
        }
        return new PruneSchedule(
                pruned.get("block").intValue(),
                pruned.get("unit").intValue(),
                pruned.get("window").intValue(),
                pruned.get("sink").intValue(),
                steps);
    }

    static List<Kept> kept(JsonNode pruned) {
        List<Kept> kept = new ArrayList<>();
        for (JsonNode decision : pruned.get("kept")) {
            kept.add(new Kept(decision.get("layer").intValue(), ints(decision.get("blocks"))));
        }
        return List.copyOf(kept);
    }
}
