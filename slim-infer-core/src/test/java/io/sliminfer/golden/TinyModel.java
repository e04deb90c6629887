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

/** The model of {@code samples/tiny-model}, its golden cases and its examples, found by path: core depends on no sample. */
public final class TinyModel {

    private static final String NAME = "slim-infer-tiny";

    private TinyModel() {}

    /**
     * A question with the answers of the reference.
     *
     * @param expected     what a right answer says; the reference's own answers need not be right
     * @param prompt       token ids of the rendered messages
     */
    public record Case(String id, List<String> expected, int[] prompt, Answer dense, List<Pruned> pruned) {

        @Override
        public String toString() {
            return id;
        }
    }

    /**
     * A greedy answer.
     *
     * @param greedy      ids, the end-of-sequence id included
     * @param firstTop5   the five best logits of the first token, best first
     * @param smallestGap distance of the two best logits where it was smallest
     */
    public record Answer(int[] greedy, String text, List<TokenLogit> firstTop5, double smallestGap) {}

    public record TokenLogit(int token, double logit) {}

    /**
     * @param kept    decisions in the order of their layers
     * @param budgets what their budgets are in tokens
     * @param margin  relative distance between the scores of the last block kept and the first dropped
     */
    public record Pruned(PruneSchedule schedule, List<Kept> kept, int[] budgets, double margin, Answer answer) {}

    /** A question as messages. */
    public record Example(
            String id, String task, int length, int promptTokens, List<Message> messages, List<String> expected) {

        @Override
        public String toString() {
            return id;
        }
    }

    public record Message(String role, String content) {}

    /** The model's folder: {@code -Dtiny-model.dir}, or the sample's. */
    public static Path folder() {
        String property = System.getProperty("tiny-model.dir");
        if (property != null && !property.isBlank()) {
            return Path.of(property);
        }
        return Repository.root().resolve("samples/tiny-model/src/main/resources/" + NAME);
    }

    /** Whether the folder is there, which a partial checkout may lack. */
    public static boolean isThere() {
        return Files.exists(folder().resolve("config.json"));
    }

    /** {@code golden.json}: computed in float32 from the bf16 weights. */
    public static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (JsonNode json : GoldenJson.read(testFile("golden.json"))) {
            List<Pruned> pruned = new ArrayList<>();
            for (JsonNode run : json.get("pruned")) {
                List<Integer> budgets = new ArrayList<>();
                run.get("kept").forEach(kept -> budgets.add(kept.get("budget").intValue()));
                pruned.add(new Pruned(
                        GoldenJson.schedule(run),
                        GoldenJson.kept(run),
                        budgets.stream().mapToInt(Integer::intValue).toArray(),
                        run.get("margin").doubleValue(),
                        answer(run)));
            }
            cases.add(new Case(
                    json.get("id").stringValue(),
                    GoldenJson.texts(json.get("expected")),
                    GoldenJson.ints(json.get("prompt")),
                    answer(json.get("dense")),
                    List.copyOf(pruned)));
        }
        return cases;
    }

    /** {@code examples.jsonl}: more questions, without the reference's answers. */
    public static List<Example> examples() {
        Path file = testFile("examples.jsonl");
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> !line.isBlank()).map(TinyModel::example).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(file.toString(), e);
        }
    }

    private static Example example(String line) {
        JsonNode json = GoldenJson.MAPPER.readTree(line);
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : json.get("messages")) {
            messages.add(new Message(
                    message.get("role").stringValue(), message.get("content").stringValue()));
        }
        return new Example(
                json.get("id").stringValue(),
                json.get("task").stringValue(),
                json.get("length").intValue(),
                json.get("prompt_tokens").intValue(),
                messages,
                GoldenJson.texts(json.get("expected")));
    }

    private static Answer answer(JsonNode json) {
        List<TokenLogit> top = new ArrayList<>();
        for (JsonNode pair : json.get("first_top5")) {
            top.add(new TokenLogit(pair.get(0).intValue(), pair.get(1).doubleValue()));
        }
        return new Answer(
                GoldenJson.ints(json.get("greedy")),
                json.get("text").stringValue(),
                List.copyOf(top),
                json.get("smallest_gap").doubleValue());
    }

    private static Path testFile(String name) {
        Path resources = Repository.root().resolve("samples/tiny-model/src/test/resources");
        Path inFolder = resources.resolve(NAME).resolve(name);
        return Files.exists(inFolder) ? inFolder : resources.resolve(name);
    }
}
