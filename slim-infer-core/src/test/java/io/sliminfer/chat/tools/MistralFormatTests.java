package io.sliminfer.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MistralFormatTests {

    private static Answers.Read read(String answer) {
        return Answers.read(new MistralFormat("[TOOL_CALLS]"), true, answer);
    }

    @Test
    void readsAListOfCalls() {
        Answers.Read read = read(
                "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": [1, \"]\"]}, \"id\": \"aB3dE6gH9\"}, {\"name\": \"g\", \"arguments\": {}}]");

        assertThat(read.calls()).containsExactly("f {\"a\": [1, \"]\"]}", "g {}");
        assertThat(read.ids().get(0)).isEqualTo("aB3dE6gH9");
        assertThat(read.ids().get(1)).matches("[A-Za-z0-9]{9}");
        assertThat(read.text()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[TOOL_CALLS]f[ARGS]{\"a\": {}}[TOOL_CALLS]g[ARGS]{}",
                "[TOOL_CALLS] f [ARGS] {\"a\": {}}\n[TOOL_CALLS]g{}",
                "[TOOL_CALLS]f{\"a\": {}}[TOOL_CALLS]g[CALL_ID]000000000[ARGS]{}\n"
            })
    void readsNamedCalls(String answer) {
        Answers.Read read = read(answer);

        assertThat(read.calls()).containsExactly("f {\"a\": {}}", "g {}");
        assertThat(read.text()).isEmpty();
        assertThat(read.problems()).isEmpty();
    }

    @Test
    void takesTheModelsOwnId() {
        assertThat(read("[TOOL_CALLS]f[CALL_ID]abc123XYZ[ARGS]{}").ids()).containsExactly("abc123XYZ");
    }

    @Test
    void readsTextBesideCalls() {
        Answers.Read read = read("One moment.\n[TOOL_CALLS]f[ARGS]{} And then?");

        assertThat(read.calls()).containsExactly("f {}");
        assertThat(read.text()).isEqualTo("One moment.\n And then?");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[TOOL_CALLS]|neither a list nor a tool's name",
                "[TOOL_CALLS]f|not a JSON object",
                "[TOOL_CALLS]f[CALL_ID]1|not a JSON object",
                "[TOOL_CALLS]f[ARGS]|not a JSON object",
                "[TOOL_CALLS]f[ARGS]{\"a\": |not valid JSON",
                "[TOOL_CALLS]f[ARGS][1]|not a JSON object",
                "[TOOL_CALLS]f[ARGS]7|not a JSON object",
                "[TOOL_CALLS]f and g{}|neither a list nor a tool's name",
                "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {|not valid JSON",
                "[TOOL_CALLS][{\"name\": \"f\"}, 7]|something else than calls",
                "[TOOL_CALLS][]|there is no call in it",
                "[TOOL_CALLS][{\"arguments\": {}}]|it has no name",
                "[TOOL_CALLS]f[ARGS]{[ARGS]}|not valid JSON"
            })
    void aMalformedOrCutCallIsText(String answer, String problem) {
        Answers.Read read = read(answer);

        assertThat(read.calls()).isEmpty();
        assertThat(read.text()).isEqualTo(answer);
        assertThat(read.problems()).singleElement().asString().contains(problem);
    }

    @Test
    void spelledMarksWithinAStringAreText() {
        assertThat(Answers.read(
                                new MistralFormat("[TOOL_CALLS]"),
                                false,
                                "[TOOL_CALLS]f[ARGS]{\"s\": \"[TOOL_CALLS][ARGS]\"}")
                        .calls())
                .containsExactly("f {\"s\": \"[TOOL_CALLS][ARGS]\"}");
    }

    @Test
    void otherTextStaysAsItIs() {
        for (String answer : new String[] {"", " \n", "[1, 2]", "x [ARGS] y", "f{}"}) {
            assertThat(read(answer).text()).isEqualTo(answer);
        }
    }

    @Test
    void idsOfOtherModelsGetTheShapeThatTemplatesDemand() {
        List<Map<String, Object>> conversation = new MistralFormat("[TOOL_CALLS]")
                .conversation(List.of(
                        Map.of("role", "user", "content", "?"),
                        Map.of(
                                "role",
                                "assistant",
                                "tool_calls",
                                List.of(Map.of("id", "call_0f3a"), Map.of("id", "abcDEF123"))),
                        Map.of("role", "tool", "tool_call_id", "call_0f3a"),
                        Map.of("role", "tool", "tool_call_id", "abcDEF123")));

        Object shaped = conversation.get(2).get("tool_call_id");
        assertThat(shaped).asString().matches("[A-Za-z0-9]{9}");
        assertThat(conversation.get(1).get("tool_calls"))
                .isEqualTo(List.of(Map.of("id", shaped), Map.of("id", "abcDEF123")));
        assertThat(conversation.get(3).get("tool_call_id")).isEqualTo("abcDEF123");
        assertThat(conversation.get(0)).isEqualTo(Map.of("role", "user", "content", "?"));
    }
}
