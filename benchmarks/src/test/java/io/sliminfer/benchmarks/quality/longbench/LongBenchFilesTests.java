package io.sliminfer.benchmarks.quality.longbench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.benchmarks.quality.EvalCase;
import io.sliminfer.benchmarks.quality.PromptTokens;
import io.sliminfer.benchmarks.quality.TinyModel;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.json.JsonMapper;

class LongBenchFilesTests {

    private static PromptTokens tokens;

    @TempDir
    Path folder;

    @BeforeAll
    static void open() {
        tokens = PromptTokens.open(TinyModel.folder());
    }

    @AfterAll
    static void close() {
        tokens.close();
    }

    private static LongBenchFiles files(int positions) {
        return new LongBenchFiles(tokens, Prompts.own(), positions);
    }

    private static String answer(LongBenchTask task) {
        return switch (task.metric()) {
            case CLASSIFICATION -> "City";
            case COUNT -> "7";
            case RETRIEVAL -> "Paragraph 7";
            case RETRIEVAL_ZH -> "段落7";
            case QA_F1_ZH, ROUGE_L_ZH -> "我来到北京清华大学";
            case CODE_SIM -> "return count + 1;";
            default -> "the green door of the mill";
        };
    }

    private Path write(LongBenchTask task, String context) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("input", "INPUT {context}");
        line.put("context", context);
        line.put("answers", List.of(answer(task)));
        line.put("length", 5);
        line.put("dataset", task.label());
        line.put("all_classes", task.metric() == Metric.CLASSIFICATION ? List.of("Date", "City") : null);
        line.put("_id", "abc");
        return Files.writeString(
                folder.resolve(task.label() + ".jsonl"), JsonMapper.shared().writeValueAsString(line) + "\n");
    }

    @ParameterizedTest
    @EnumSource(LongBenchTask.class)
    void readsTheLinesOfEveryTask(LongBenchTask task) throws IOException {
        EvalCase asked = files(4096).read(write(task, "CONTEXT"), List.of(), 0).get(0);

        assertThat(asked.id()).isEqualTo(task.label() + "-abc");
        assertThat(asked.task()).isEqualTo(task.label());
        assertThat(asked.maxTokens()).isEqualTo(task.maxTokens());
        String prompt = asked.messages().get(0).content();
        assertThat(prompt).containsOnlyOnce("CONTEXT").doesNotContain("{input}");
        assertThat(asked.notes()).containsEntry("truncated", false);
        assertThat(asked.metric().score(answer(task), asked.expected(), asked.classes()))
                .as("the answer itself")
                .isEqualTo(1, within(1e-6));
    }

    @Test
    void onlyTheFirstLineCountsWhereModelsGoOnWithExamples() throws IOException {
        for (LongBenchTask task : LongBenchTask.values()) {
            EvalCase asked =
                    files(4096).read(write(task, "CONTEXT"), List.of(), 0).get(0);

            assertThat(asked.firstLine())
                    .as(task.label())
                    .isEqualTo(List.of("trec", "triviaqa", "samsum", "lsht").contains(task.label()));
        }
    }

    @Test
    void questionsStandInThePromptAsTheyAre() throws IOException {
        EvalCase asked = files(4096)
                .read(write(LongBenchTask.HOTPOTQA, "CONTEXT"), List.of(), 0)
                .get(0);

        assertThat(asked.messages().get(0).content())
                .contains("Question: INPUT {context}\nAnswer:")
                .containsOnlyOnce("CONTEXT");
    }

    @Test
    void cutsTheMiddleOfWhatIsTooLong() throws IOException {
        String context = "FIRST " + "one two three four five six. ".repeat(400) + "LAST";

        EvalCase asked = files(512)
                .read(write(LongBenchTask.HOTPOTQA, context), List.of(), 0)
                .get(0);

        assertThat(tokens.count(asked.messages()) + asked.maxTokens())
                .isLessThanOrEqualTo(512)
                .isGreaterThan(500);
        String prompt = asked.messages().get(0).content();
        assertThat(prompt).contains("FIRST").contains("LAST").contains("Question: INPUT");
        assertThat(asked.notes()).containsEntry("truncated", true);
        int before = (Integer) asked.notes().get("tokensBeforeTruncation");
        int kept = (Integer) asked.notes().get("tokensKept");
        assertThat(before).isGreaterThan(2000);
        assertThat(kept).isBetween(400, 480);
        // Half from the front, half from the end.
        int[] all = tokens.encode(Prompts.own().fill(LongBenchTask.HOTPOTQA, context, "INPUT {context}"));
        int[] half = Arrays.copyOf(all, kept / 2);
        assertThat(prompt).startsWith(tokens.decode(half));
    }

    @Test
    void takesThePromptsOfAFile() throws IOException {
        Map<String, String> prompts = new LinkedHashMap<>();
        for (LongBenchTask task : LongBenchTask.values()) {
            prompts.put(task.label(), "A {context} B {input} C");
        }
        Path file = folder.resolve("dataset2prompt.json");
        Files.writeString(file, JsonMapper.shared().writeValueAsString(prompts));

        assertThat(Prompts.read(file).fill(LongBenchTask.LCC, "x", "y")).isEqualTo("A x B y C");

        prompts.put("lcc", "no field");
        Files.writeString(file, JsonMapper.shared().writeValueAsString(prompts));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Prompts.read(file))
                .withMessageContaining("dataset2prompt.json: lcc")
                .withMessageContaining("{context}");
    }

    @Test
    void readsAFolderAndTakesTheTasksAndAsManyCasesAsAreAskedFor() throws IOException {
        Path lcc = write(LongBenchTask.LCC, "code");
        Files.writeString(lcc, Files.readString(lcc).replace("abc", "1") + Files.readString(lcc));
        write(LongBenchTask.TREC, "examples");

        assertThat(files(4096).read(folder, List.of(), 0))
                .extracting(EvalCase::id)
                .containsExactly("lcc-1", "lcc-abc", "trec-abc");
        assertThat(files(4096).read(folder, List.of("lcc"), 1))
                .extracting(EvalCase::id)
                .containsExactly("lcc-1");
    }

    @Test
    void namesFileLineAndFieldOfWhatIsWrong() throws IOException {
        Path file = folder.resolve("passage_retrieval_en.jsonl");
        Files.writeString(file, "{\"input\": \"i\", \"context\": \"c\", \"answers\": [\"seven\"]}\n");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> files(4096).read(file, List.of(), 0))
                .withMessageContaining("passage_retrieval_en.jsonl, line 1: answers cannot be used")
                .withMessageContaining("seven");

        Files.writeString(file, "{\"input\": \"i\", \"answers\": [\"Paragraph 7\"]}\n");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> files(4096).read(file, List.of(), 0))
                .withMessageContaining("line 1: context is missing");
    }

    @Test
    void refusesFilesAndTasksThatAreNotOfLongBench() throws IOException {
        Path file = Files.writeString(folder.resolve("other.jsonl"), "{}\n");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> files(4096).read(file, List.of(), 0))
                .withMessageContaining("other.jsonl")
                .withMessageContaining("narrativeqa");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> files(4096).read(folder, List.of("squad"), 0))
                .withMessageContaining("squad");
    }
}
