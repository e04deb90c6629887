package io.sliminfer.golden;

import io.sliminfer.prune.PruneSchedule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * Small random models of every architecture with results computed by transformers in float32: see {@code golden/README.md}.
 * The folder is that of {@code -Dgolden.dir}, or else the copy in slim-infer-core's test resources.
 */
public final class GoldenCases {

    private GoldenCases() {}

    /**
     * One model folder with its {@code golden.json}.
     *
     * @param name        name of the folder
     * @param folder      holds {@code config.json} and {@code model.safetensors}
     * @param prompt      token ids
     * @param positions   prompt positions of {@code denseLogits}
     * @param denseLogits {@code [positions, vocabulary]}
     * @param denseGreedy ids that greedy decoding gives after dense prefill; end-of-sequence is not obeyed
     */
    public record Model(
            String name,
            Path folder,
            int[] prompt,
            int[] positions,
            float[][] denseLogits,
            int[] denseGreedy,
            List<Pruned> pruned) {

        @Override
        public String toString() {
            return name;
        }
    }

    /**
     * One pruned run of a model's prompt.
     *
     * @param kept        decisions in the order of their layers
     * @param firstLogits logits of the last prompt position, {@code [vocabulary]}
     * @param greedy      ids that greedy decoding gives; end-of-sequence is not obeyed
     * @param margin      relative distance between the scores of the last block kept and the first dropped
     */
    public record Pruned(
            String name, PruneSchedule schedule, List<Kept> kept, float[] firstLogits, int[] greedy, double margin) {

        @Override
        public String toString() {
            return name;
        }
    }

    /** The folder that holds the models' folders. */
    public static Path folder() {
        String property = System.getProperty("golden.dir");
        return property == null || property.isBlank()
                ? Repository.root().resolve("slim-infer-core/src/test/resources/golden")
                : Path.of(property);
    }

    /** All models in the order of their names. */
    public static List<Model> models() {
        try (Stream<Path> folders = Files.list(folder())) {
            List<Model> models = folders.filter(folder -> Files.exists(folder.resolve("golden.json")))
                    .sorted()
                    .map(GoldenCases::read)
                    .toList();
            if (models.isEmpty()) {
                throw new IllegalStateException("no golden cases in " + folder());
            }
            return models;
        } catch (IOException e) {
            throw new UncheckedIOException("golden cases in " + folder(), e);
        }
    }

    /** The model of this name. */
    public static Model model(String name) {
        return read(folder().resolve(name));
    }

    private static Model read(Path folder) {
        JsonNode json = GoldenJson.read(folder.resolve("golden.json"));
        JsonNode logits = json.get("dense_logits");
        float[][] denseLogits = new float[logits.size()][];
        for (int i = 0; i < denseLogits.length; i++) {
            denseLogits[i] = GoldenJson.floats(logits.get(i));
        }
        List<Pruned> pruned = new ArrayList<>();
        for (JsonNode run : json.get("pruned")) {
            pruned.add(new Pruned(
                    run.path("name").asString("case " + pruned.size()),
                    GoldenJson.schedule(run),
                    GoldenJson.kept(run),
                    GoldenJson.floats(run.get("first_logits")),
                    GoldenJson.ints(run.get("greedy")),
                    run.path("margin").asDouble(0)));
        }
        return new Model(
                folder.getFileName().toString(),
                folder,
                GoldenJson.ints(json.get("prompt")),
                GoldenJson.ints(json.get("positions")),
                denseLogits,
                GoldenJson.ints(json.get("dense_greedy")),
                List.copyOf(pruned));
    }
}
