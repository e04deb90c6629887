package io.sliminfer.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LlamaFormatTests {

    private static final LlamaFormat FORMAT = new LlamaFormat("only supports single tool-calls at once");

    private static Answers.Read read(String answer) {
        return Answers.read(FORMAT, true, answer);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"name\": \"f\", \"parameters\": {\"a\": {\"b\": \"}\"}}}",
                "\n {\"parameters\": {\"a\": {\"b\": \"}\"}}, \"name\": \"f\"} \n",
                "{\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"a\": {\"b\": \"}\"}}}",
                "{\"name\": \"f\", \"arguments\": {\"a\": {\"b\": \"}\"}}}",
                "<|python_tag|>{\"name\": \"f\", \"parameters\": {\"a\": {\"b\": \"}\"}}}",
                "<|python_tag|> {\"id\": \"\", \"name\": \"f\", \"parameters\": {\"a\": {\"b\": \"}\"}}}\n"
            })
    void readsOneCall(String answer) {
        Answers.Read read = read(answer);

        assertThat(read.calls()).containsExactly("f {\"a\": {\"b\": \"}\"}}");
        assertThat(read.text()).isEmpty();
        assertThat(read.problems()).isEmpty();
    }

    @Test
    void readsSeveralCalls() {
        String one = "{\"name\": \"f\", \"parameters\": {}}";

        for (String between : List.of("; ", ", ", "\n", "", "<|python_tag|>", ";\n<|python_tag|>")) {
            assertThat(read("<|python_tag|>" + one + between + one).calls())
                    .as(between)
                    .containsExactly("f {}", "f {}");
        }
        assertThat(read(one + "\n" + one).calls()).containsExactly("f {}", "f {}");
    }

    @Test
    void readsTextBesideTaggedCalls() {
        Answers.Read read = read("Let me see. <|python_tag|>{\"name\": \"f\", \"parameters\": {}}\nDone.");

        assertThat(read.calls()).containsExactly("f {}");
        assertThat(read.text()).isEqualTo("Let me see. \nDone.");
        assertThat(read.problems()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Plain text.",
                " {\"city\": \"Bern\", \"name\": \"f\", \"parameters\": {}}",
                "{\"name\": \"Bern\", \"population\": 134000}",
                "{\"name\": \"f\"}",
                "{\"names\": [\"f\"]}",
                "{}",
                "{1}",
                "Text first: {\"name\": \"f\", \"parameters\": {}}",
                "[{\"name\": \"f\", \"parameters\": {}}]",
                " \n"
            })
    void jsonOfAnotherShapeIsAnAnswer(String answer) {
        Answers.Read read = read(answer);

        assertThat(read.text()).isEqualTo(answer);
        assertThat(read.calls()).isEmpty();
        assertThat(read.problems()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"name\": \"f\", \"parameters\": {\"a\": |it ends early",
                "{\"name\": \"f\", \"parameters\": {\"a\": nope}}|not valid JSON",
                "{\"name\": \"f\", \"parameters\": 7}|the arguments are not a JSON object",
                "{\"name\": \"\", \"parameters\": {}}|it has no name"
            })
    void aMalformedOrCutCallIsText(String answer, String problem) {
        Answers.Read read = read(answer);

        assertThat(read.calls()).isEmpty();
        assertThat(read.text()).isEqualTo(answer);
        assertThat(read.problems()).singleElement().asString().contains(problem);
    }

    @Test
    void whatIsTaggedMustBeACall() {
        for (String answer : List.of(
                "<|python_tag|>brave_search.call(query=\"{x}\")",
                "<|python_tag|>",
                "<|python_tag|> ",
                "a <|python_tag|>{\"city\": 1}",
                "a <|python_tag|>{\"name\": \"f\", \"parameters\": {")) {
            Answers.Read read = read(answer);
            assertThat(read.text()).isEqualTo(answer);
            assertThat(read.calls()).isEmpty();
            assertThat(read.problems()).as(answer).hasSize(1);
        }
    }

    @Test
    void aSpelledTagWithinAStringIsText() {
        String answer = "{\"name\": \"f\", \"parameters\": {\"s\": \"<|python_tag|>\"}}";

        assertThat(Answers.read(FORMAT, false, answer).calls()).containsExactly("f {\"s\": \"<|python_tag|>\"}");
        assertThat(read(answer).calls()).isEmpty();
    }

    @Test
    void callsMadeTogetherBecomeTurnsWhereTheTemplateTakesOneEach() {
        Map<String, Object> user = Map.of("role", "user", "content", "?");
        Map<String, Object> first = Map.of("id", "1", "function", Map.of("name", "f"));
        Map<String, Object> second = Map.of("id", "2", "function", Map.of("name", "g"));
        Map<String, Object> resultOfSecond = Map.of("role", "tool", "content", "b", "tool_call_id", "2");
        Map<String, Object> resultOfFirst = Map.of("role", "tool", "content", "a", "tool_call_id", "1");
        List<Map<String, Object>> messages = List.of(
                user,
                Map.of("role", "assistant", "content", "", "tool_calls", List.of(first, second)),
                resultOfSecond,
                resultOfFirst,
                user);

        assertThat(FORMAT.conversation(messages))
                .containsExactly(
                        user,
                        Map.of("role", "assistant", "content", "", "tool_calls", List.of(first)),
                        resultOfFirst,
                        Map.of("role", "assistant", "content", "", "tool_calls", List.of(second)),
                        resultOfSecond,
                        user);
        assertThat(new LlamaFormat("takes all").conversation(messages)).isEqualTo(messages);
    }

    @Test
    void resultsWithoutIdsKeepTheirOrder() {
        Map<String, Object> call = Map.of("function", Map.of("name", "f"));
        Map<String, Object> a = Map.of("role", "tool", "content", "a");
        Map<String, Object> b = Map.of("role", "tool", "content", "b");
        Map<String, Object> extra = Map.of("role", "tool", "content", "c");
        Map<String, Object> one = Map.of("role", "assistant", "content", "", "tool_calls", List.of(call));

        assertThat(FORMAT.conversation(List.of(
                        Map.of("role", "assistant", "content", "", "tool_calls", List.of(call, call)), a, b, extra)))
                .containsExactly(one, a, one, b, extra);
        assertThat(FORMAT.conversation(
                        List.of(Map.of("role", "assistant", "content", "", "tool_calls", List.of(call, call)))))
                .containsExactly(one, one);
    }
}
