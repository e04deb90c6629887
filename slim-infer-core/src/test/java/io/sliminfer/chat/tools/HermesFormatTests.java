package io.sliminfer.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HermesFormatTests {

    private static Answers.Read read(String answer) {
        return Answers.read(new HermesFormat(), true, answer);
    }

    @Test
    void readsOneCall() {
        Answers.Read read = read(
                "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\", \"days\": 2}}\n</tool_call>");

        assertThat(read.calls()).containsExactly("weather {\"city\": \"Bern\", \"days\": 2}");
        assertThat(read.text()).isEmpty();
        assertThat(read.problems()).isEmpty();
        assertThat(read.ids()).singleElement().asString().matches("[A-Za-z0-9]{9}");
    }

    @Test
    void readsSeveralCallsAndTheTextAroundThem() {
        Answers.Read read = read("I look it up.\n\n<tool_call>{\"name\": \"a\", \"arguments\": {}}</tool_call>\n"
                + "<tool_call>{\"name\": \"b\", \"arguments\": {\"x\": [1, {\"y\": null}]}}</tool_call>\nWait. ");

        assertThat(read.calls()).containsExactly("a {}", "b {\"x\": [1, {\"y\": null}]}");
        assertThat(read.text()).isEqualTo("I look it up.\n\n\n\nWait.");
        assertThat(read.ids()).doesNotHaveDuplicates();
    }

    @Test
    void keepsArgumentsAsWritten() {
        assertThat(
                        read("<tool_call>{\"arguments\":{\"n\":1.50e3,\"s\":\"\\u00e9 {\\\"}\\\" ]\"},\"name\":\"f\"}</tool_call>")
                                .calls())
                .containsExactly("f {\"n\":1.50e3,\"s\":\"\\u00e9 {\\\"}\\\" ]\"}");
    }

    @Test
    void marksWithinAStringAreTextUnlessTheyAreTokens() {
        String answer = "<tool_call>{\"name\": \"f\", \"arguments\": {\"s\": \"<tool_call></tool_call>\"}}</tool_call>";

        assertThat(Answers.read(new HermesFormat(), false, answer).calls())
                .containsExactly("f {\"s\": \"<tool_call></tool_call>\"}");
        Answers.Read asTokens = read(answer);
        assertThat(asTokens.calls()).isEmpty();
        assertThat(asTokens.text()).isEqualTo(answer);
        assertThat(asTokens.problems()).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"name\": \"f\"}",
                "{\"name\": \"f\", \"arguments\": null}",
                "{\"name\": \"f\", \"parameters\": {}}",
                "{\"name\": \"f\", \"arguments\": \"{}\"}"
            })
    void takesWhatModelsWriteForNoArguments(String json) {
        assertThat(read("<tool_call>" + json + "</tool_call>").calls()).containsExactly("f {}");
    }

    @Test
    void aCallIsCompleteWithoutItsClosingMark() {
        assertThat(read("<tool_call>{\"name\": \"f\", \"arguments\": {}}").calls())
                .containsExactly("f {}");
        assertThat(read("<tool_call>{\"name\": \"f\"}<tool_call>{\"name\": \"g\"}</tool_call>")
                        .calls())
                .containsExactly("f {}", "g {}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": |not valid JSON",
                "<tool_call>{\"name\": \"f\", \"arguments\": {'a': 1}}</tool_call>|not valid JSON",
                "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": True}}</tool_call>|not valid JSON",
                "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1, \"a\": 2}}</tool_call>|not valid JSON",
                "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>|the arguments are not a JSON object",
                "<tool_call>{\"name\": \"f\", \"arguments\": \"x\"}</tool_call>|the arguments are not valid JSON",
                "<tool_call>{\"arguments\": {}}</tool_call>|it has no name",
                "<tool_call>{\"name\": \"\"}</tool_call>|it has no name",
                "<tool_call>[{\"name\": \"f\"}]</tool_call>|a JSON object is expected",
                "<tool_call>{\"name\": \"f\"}}</tool_call>|not valid JSON",
                "<tool_call>{\"name\": \"f\"} {}</tool_call>|something follows",
                "<tool_call>f(1)</tool_call>|not valid JSON",
                "<tool_call></tool_call>|there is no call in it",
                "<tool_call>|there is no call in it"
            })
    void aMalformedOrCutCallIsText(String answer, String problem) {
        Answers.Read read = read(answer);

        assertThat(read.calls()).isEmpty();
        assertThat(read.text()).isEqualTo(answer);
        assertThat(read.problems()).singleElement().asString().contains(problem);
    }

    @Test
    void goesOnBehindAMalformedCall() {
        Answers.Read read = read("a <tool_call>{</tool_call> b <tool_call>{\"name\": \"f\"}</tool_call> c");

        assertThat(read.calls()).containsExactly("f {}");
        assertThat(read.text()).isEqualTo("a <tool_call>{</tool_call> b  c");
        assertThat(read.problems()).hasSize(1);
    }

    @Test
    void otherTextStaysAsItIs() {
        for (String answer : new String[] {"", "  ", "Hello \n", "{\"name\": \"f\"}", "a </tool_call> b"}) {
            Answers.Read read = read(answer);
            assertThat(read.text()).isEqualTo(answer);
            assertThat(read.calls()).isEmpty();
            assertThat(read.problems()).isEmpty();
        }
    }
}
