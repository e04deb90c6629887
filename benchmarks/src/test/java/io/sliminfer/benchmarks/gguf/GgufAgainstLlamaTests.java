package io.sliminfer.benchmarks.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.Sampling;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.engine.TokenListener;
import io.sliminfer.format.DType;
import io.sliminfer.format.GgufExport;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.golden.TinyModel;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.text.ChatTemplate;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * The small model in GGUF files, read by llama.cpp and by this engine (float32, dense): the same prompt ids, and the same greedy answers.
 * llama.cpp needs 2 s a 1,000 tokens here, so the documents are excerpts, but for one. {@code -Dgguf.tokens-max=1100} asks the questions of
 * up to so many tokens about their whole documents instead (17 questions; 4,100: 32), and quantised models a third of those of up to 1,100.
 */
@Tag("once")
class GgufAgainstLlamaTests {

    /** 0 for excerpts. */
    private static final int TOKENS_MAX = Integer.getInteger("gguf.tokens-max", 0);

    private static final int WHOLE_TOKENS_MAX = 1100;
    private static final int EXCERPT_CHARACTERS = 250;

    /** Examples whose answer or question makes for a longer excerpt are left out. */
    private static final int EXCERPT_CHARACTERS_MAX = 1300;

    private static final int ANSWER_TOKENS = TOKENS_MAX > 0 ? 48 : 16;

    /**
     * llama.cpp rounds activations to 8 bits before it multiplies them with quantised weights. Where the two best logits are at least so far
     * apart at every token of an answer, that does not change it.
     */
    private static final double CONFIDENT_GAP = 1.5;

    @TempDir
    private Path temp;

    private record Question(String id, String prompt) {}

    /**
     * @param gap smallest distance of the two best logits on the way
     */
    private record Answer(List<Integer> promptIds, List<Integer> ids, String text, double gap) {}

    @Test
    void halfFloatsGiveLlamaCppsAnswers() throws Exception {
        Path file = export("F16");
        List<Question> questions = questions(file, TOKENS_MAX > 0 ? whole(TOKENS_MAX, 1) : excerptsAndOneWhole());
        assertThat(questions).hasSizeGreaterThanOrEqualTo(TOKENS_MAX > 0 ? 1 : 30);
        Map<String, Answer> ours = ours(file, questions);

        Map<String, JsonNode> theirs = theirs(file, questions);

        List<String> different = new ArrayList<>();
        for (Question question : questions) {
            Answer answer = ours.get(question.id);
            JsonNode other = theirs.get(question.id);
            assertThat(ids(other.get("promptIds"))).as(question.id).isEqualTo(answer.promptIds);
            if (!other.get("answer").asString().equals(answer.text)) {
                different.add(question.id + " (gap " + answer.gap + "): " + answer.text + " / " + other.get("answer"));
            } else {
                assertThat(ids(other.get("answerIds"))).as(question.id).isEqualTo(answer.ids);
            }
        }
        assertThat(different).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q8_0", "Q4_0", "Q4_K", "Q6_K"})
    void quantisedFilesGiveLlamaCppsAnswersWhereBothAreSure(String type) throws Exception {
        Path file = export(type);
        List<Question> questions = questions(file, TOKENS_MAX > 0 ? whole(WHOLE_TOKENS_MAX, 3) : excerpts(6));
        Map<String, Answer> ours = ours(file, questions);

        Map<String, JsonNode> theirs = theirs(file, questions);

        int sure = 0;
        int equal = 0;
        for (Question question : questions) {
            Answer answer = ours.get(question.id);
            String other = theirs.get(question.id).get("answer").asString();
            equal += other.equals(answer.text) ? 1 : 0;
            if (answer.gap >= CONFIDENT_GAP) {
                sure++;
                assertThat(other).as("%s, gap %s", question.id, answer.gap).isEqualTo(answer.text);
            }
        }
        assertThat(sure).as("answers that the model is sure of").isPositive();
        assertThat(equal).isGreaterThanOrEqualTo(questions.size() / 2);
    }

    private Path export(String type) {
        assumeThat(TinyModel.isThere()).as("the tiny model is in this checkout").isTrue();
        return GgufExport.write(TinyModel.folder(), type, temp.resolve("tiny-" + type + ".gguf"));
    }

    private static List<Integer> ids(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::intValue)
                .toList();
    }

    /** One of every {@code step} examples of up to so many tokens. */
    private static List<TinyModel.Example> whole(int tokensMax, int step) {
        List<TinyModel.Example> examples = TinyModel.examples().stream()
                .filter(example -> example.promptTokens() <= tokensMax)
                .toList();
        return IntStream.range(0, examples.size())
                .filter(i -> i % step == 0)
                .mapToObj(examples::get)
                .toList();
    }

    /** One of every {@code step} examples, about an excerpt of its document. */
    private static List<TinyModel.Example> excerpts(int step) {
        return whole(Integer.MAX_VALUE, step).stream()
                .map(GgufAgainstLlamaTests::excerpt)
                .filter(example -> example.messages().stream()
                                .mapToInt(message -> message.content().length())
                                .sum()
                        <= EXCERPT_CHARACTERS_MAX)
                .toList();
    }

    /** The longest of the whole ones has positions that the excerpts lack. */
    private static List<TinyModel.Example> excerptsAndOneWhole() {
        List<TinyModel.Example> examples = new ArrayList<>(excerpts(1));
        examples.add(
                Collections.max(whole(WHOLE_TOKENS_MAX, 1), Comparator.comparingInt(TinyModel.Example::promptTokens)));
        return examples;
    }

    /** The first and last paragraph, which ask, those with the answer, and the next ones up to a length. */
    private static TinyModel.Example excerpt(TinyModel.Example example) {
        List<TinyModel.Message> messages = new ArrayList<>(example.messages());
        TinyModel.Message question = messages.remove(messages.size() - 1);
        String[] paragraphs = question.content().split("\n\n");
        List<String> values = Stream.of(example.expected().get(0).split(", "))
                .map(value -> value.replaceAll("\\W+$", ""))
                .map(value -> value.substring(value.lastIndexOf(' ') + 1))
                .toList();
        List<String> kept = new ArrayList<>();
        int characters = 0;
        for (int i = 0; i < paragraphs.length; i++) {
            boolean needed =
                    i == 0 || i == paragraphs.length - 1 || values.stream().anyMatch(paragraphs[i]::contains);
            if (needed || characters + paragraphs[i].length() <= EXCERPT_CHARACTERS) {
                kept.add(paragraphs[i]);
                characters += paragraphs[i].length();
            }
        }
        messages.add(new TinyModel.Message(question.role(), String.join("\n\n", kept)));
        return new TinyModel.Example("excerpt of " + example.id(), example.task(), 0, 0, messages, example.expected());
    }

    private static List<Question> questions(Path file, List<TinyModel.Example> examples) {
        try (ModelFolder folder = ModelFolder.open(file)) {
            ChatTemplate template = ChatTemplate.parse(folder.chatTemplate().orElseThrow(), folder.specialTokens());
            return examples.stream()
                    .map(example -> {
                        List<Map<String, String>> messages = example.messages().stream()
                                .map(message -> Map.of("role", message.role(), "content", message.content()))
                                .toList();
                        return new Question(
                                example.id(),
                                template.render(messages, List.of(), Map.of()).text());
                    })
                    .toList();
        }
    }

    private static Map<String, Answer> ours(Path file, List<Question> questions) throws Exception {
        EngineSettings settings = new EngineSettings(
                "cpu",
                new BackendSettings(DType.F32, 0).withWeights(WeightPrecision.BF16),
                PruneSettings.of(PruneSchedule.dense(), 0),
                Math.max(TOKENS_MAX, WHOLE_TOKENS_MAX),
                KvSettings.defaults(),
                ServingSettings.defaults(),
                0);
        Map<String, Answer> answers = new HashMap<>();
        try (ModelFolder folder = ModelFolder.open(file);
                LocalEngine engine = LocalEngine.open(folder, settings);
                Tokenizer tokenizer = Tokenizer.load(
                        folder.tokenizer().orElseThrow(), folder.config().vocabulary())) {
            for (Question question : questions) {
                int[] ids = tokenizer.encode(RenderedPrompt.trusted(question.prompt));
                Greedy greedy = new Greedy();
                engine.submit(
                        new GenerationRequest(
                                ids,
                                Sampling.GREEDY,
                                ANSWER_TOKENS,
                                folder.config().endOfSequence(),
                                null),
                        greedy);
                List<Integer> answer = greedy.done.get(5, TimeUnit.MINUTES);
                answers.put(
                        question.id,
                        new Answer(
                                java.util.Arrays.stream(ids).boxed().toList(),
                                answer,
                                tokenizer.decode(answer.stream()
                                        .mapToInt(Integer::intValue)
                                        .toArray()),
                                greedy.gap));
            }
        }
        return answers;
    }

    private static final class Greedy implements TokenListener {

        private final CompletableFuture<List<Integer>> done = new CompletableFuture<>();
        private final List<Integer> ids = new ArrayList<>();
        private double gap = Double.MAX_VALUE;

        @Override
        public boolean wantsLogits() {
            return true;
        }

        @Override
        public void onLogits(float[] logits) {
            float best = Float.NEGATIVE_INFINITY;
            float second = Float.NEGATIVE_INFINITY;
            for (float logit : logits) {
                second = Math.max(second, Math.min(best, logit));
                best = Math.max(best, logit);
            }
            gap = Math.min(gap, best - second);
        }

        @Override
        public void onToken(int id) {
            ids.add(id);
        }

        @Override
        public void onFinished(FinishReason reason, GenerationReport report) {
            done.complete(ids);
        }

        @Override
        public void onFailed(RuntimeException failure) {
            done.completeExceptionally(failure);
        }
    }

    private Map<String, JsonNode> theirs(Path file, List<Question> questions) throws Exception {
        Path prompts = temp.resolve("prompts.jsonl");
        Files.writeString(
                prompts,
                questions.stream()
                        .map(question -> JsonLines.text(Map.of("id", question.id, "prompt", question.prompt)) + "\n")
                        .reduce("", String::concat));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LlamaAnswers.class.getName(),
                        file.toString(),
                        prompts.toString(),
                        Integer.toString(Math.max(TOKENS_MAX, WHOLE_TOKENS_MAX) + 256),
                        Integer.toString(ANSWER_TOKENS))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        List<String> lines = read(process);
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        Map<String, JsonNode> answers = new HashMap<>();
        for (String line : lines) {
            if (line.startsWith(LlamaAnswers.FAILED)) {
                assumeThat(line).as("the binding has no native here").doesNotContain("UnsatisfiedLinkError");
                throw new AssertionError(line);
            }
            if (line.startsWith(LlamaAnswers.RESULT)) {
                JsonNode answer = JsonLines.parse(line.substring(LlamaAnswers.RESULT.length()));
                answers.put(answer.get("id").asString(), answer);
            }
        }
        assertThat(answers).hasSameSizeAs(questions);
        return answers;
    }

    private static List<String> read(Process process) throws IOException {
        process.getOutputStream().close();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();
    }
}
