package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.benchmarks.quality.score.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaseFileTests {

    private static final String GOOD =
            """
            {"id": "a", "task": "fact", "length": 64, "messages": [{"role": "user", "content": "Why?"}], "expected": ["So"]}""";

    @TempDir
    Path folder;

    private Path file(String text) throws IOException {
        return Files.writeString(folder.resolve("cases.jsonl"), text);
    }

    @Test
    void readsMessagesExpectedTaskAndLength() throws IOException {
        String other =
                """
                {"task": "chat", "length": 128, "metric": "exact", "max_tokens": 7, "expected": ["A", "B"], \
                "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]}""";

        List<EvalCase> cases = CaseFile.read(file(GOOD + "\n\n" + other + "\n"));

        assertThat(cases).hasSize(2);
        EvalCase first = cases.get(0);
        assertThat(first.id()).isEqualTo("a");
        assertThat(first.task()).isEqualTo("fact");
        assertThat(first.length()).isEqualTo(64);
        assertThat(first.messages()).containsExactly(Turn.user("Why?"));
        assertThat(first.metric()).isEqualTo(Metric.CONTAINS);
        EvalCase second = cases.get(1);
        assertThat(second.id()).isEqualTo("cases.jsonl:3");
        assertThat(second.metric()).isEqualTo(Metric.EXACT);
        assertThat(second.maxTokens()).isEqualTo(7);
        assertThat(second.expected()).containsExactly("A", "B");
        assertThat(second.messages()).extracting(Turn::role).containsExactly("system", "user");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"task\": | is not JSON",
                "[1, 2] | holds no JSON object",
                "{\"length\": 1} | task is missing; a string is expected",
                "{\"task\": \"t\"} | length is missing",
                "{\"task\": \"t\", \"length\": 1.5} | length must be a whole number",
                "{\"task\": \"t\", \"length\": 1} | messages is missing",
                "{\"task\": \"t\", \"length\": 1, \"messages\": []} | messages must be a list of objects with at least one",
                "{\"task\": \"t\", \"length\": 1, \"messages\": [{\"role\": \"user\"}]} | messages[0]: content is missing",
                "{\"task\": \"t\", \"length\": 1, \"messages\": [{\"role\": \"tool\", \"content\": \"\"}]} | role is \"tool\"",
                "{\"task\": \"t\", \"length\": 1, \"messages\": [{\"role\": \"assistant\", \"content\": \"\"}]}"
                        + " | messages must end with a message of the user",
                "{\"task\": \"t\", \"length\": 1, \"messages\": [{\"role\": \"user\", \"content\": \"Q\"}]}"
                        + " | expected is missing",
                "{\"task\": \"t\", \"length\": 1, \"messages\": [{\"role\": \"user\", \"content\": \"Q\"}],"
                        + " \"expected\": [\"A\"], \"metric\": \"bleu\"} | metric cannot be used: metric \"bleu\" is unknown"
            })
    void namesFileLineAndFieldOfWhatIsWrong(String line, String message) throws IOException {
        Path file = file(GOOD + "\n" + line + "\n");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> CaseFile.read(file))
                .withMessageContaining("cases.jsonl, line 2")
                .withMessageContaining(message);
    }

    @Test
    void refusesTheSameIdTwice() throws IOException {
        Path file = file(GOOD + "\n" + GOOD);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> CaseFile.read(file))
                .withMessageContaining("line 2")
                .withMessageContaining("\"a\" is also that of line 1");
    }

    @Test
    void refusesAFileWithoutCasesOrThatIsNotThere() throws IOException {
        Path empty = file("\n");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> CaseFile.read(empty))
                .withMessageContaining("has no cases");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CaseFile.read(folder.resolve("none.jsonl")))
                .withMessageContaining("none.jsonl cannot be read");
    }
}
