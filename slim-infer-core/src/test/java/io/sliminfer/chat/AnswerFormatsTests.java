package io.sliminfer.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.sliminfer.chat.tools.ToolFormat;
import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.TokenConstraint;
import io.sliminfer.text.MarkedTokenizer;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.TinyTokenizer;
import io.sliminfer.text.Tokenizer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerFormatsTests {

    private static final int STOP = TinyTokenizer.END_OF_TURN;
    private static final ThinkingMarks THINK = new ThinkingMarks("<think>", "</think>");

    private Tokenizer tokenizer = TinyTokenizer.load();

    @AfterEach
    void close() {
        tokenizer.close();
    }

    private AnswerFormats formats() {
        return new AnswerFormats(tokenizer, TinyTokenizer.VOCABULARY + 2);
    }

    private int[] ids(String text) {
        return tokenizer.encode(RenderedPrompt.untrusted(text));
    }

    private void accept(TokenConstraint.State state, String text) {
        for (int id : ids(text)) {
            state.accept(id);
        }
    }

    private static TokenConstraint.State begin(AnswerFormats.AnswerFormat format) {
        return format.constraint().begin(Set.of(STOP));
    }

    @Test
    void controlTokensAreNeverAllowedAndStopIdsAtTheEnd() {
        TokenConstraint.State state = begin(formats().compile(ResponseFormat.JSON_OBJECT, null, null, List.of()));
        for (String control : tokenizer.controlTokens()) {
            assertThat(state.allows(tokenizer.addedTokenId(control).orElseThrow()))
                    .as(control)
                    .isFalse();
        }
        accept(state, "{\"a\": [1, \"größer\"]}");
        assertThat(state.isFinished()).isTrue();
        assertThat(state.allows(STOP)).isTrue();
    }

    @Test
    void aFormatIsCompiledOnce() {
        AnswerFormats formats = formats();
        ResponseFormat schema = new ResponseFormat.JsonSchema("{\"type\":\"integer\"}");
        assertThat(formats.compile(schema, null, null, List.of()))
                .isSameAs(
                        formats.compile(new ResponseFormat.JsonSchema("{\"type\":\"integer\"}"), null, null, List.of()))
                .isNotSameAs(formats.compile(schema, THINK, null, List.of()));
        assertThat(formats.compile(ResponseFormat.TEXT, null, null, List.of())).isNull();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void thinkingIsFreeUpToItsMark(boolean special) {
        tokenizer.close();
        tokenizer = MarkedTokenizer.load(special, "<think>", "</think>");
        int close = tokenizer.addedTokenId("</think>").orElseThrow();
        TokenConstraint.State state = begin(formats().compile(ResponseFormat.JSON_OBJECT, THINK, null, List.of()));
        accept(state, "Let me see: {\"no\" é ");
        assertThat(state.allows(STOP)).isFalse();
        state.accept(close);
        assertThat(state.allows(ids("x")[0])).isFalse();
        accept(state, "\n\n{}");
        assertThat(state.isFinished()).isTrue();
    }

    @Test
    void aMarkThatIsNoTokenIsFoundInTheText() {
        TokenConstraint.State state = begin(formats().compile(ResponseFormat.JSON_OBJECT, THINK, null, List.of()));
        accept(state, "Well <b>");
        accept(state, "</think>");
        accept(state, "{}");
        assertThat(state.isFinished()).isTrue();
    }

    @Test
    void anyGrammarMayBeAFormat() {
        Grammar grammar = Grammar.of(Expression.choice(Expression.literal("yes"), Expression.literal("no")));
        TokenConstraint.State state =
                begin(formats().compile(new ResponseFormat.Custom(grammar), null, null, List.of()));
        accept(state, "no");
        assertThat(state.isFinished()).isTrue();
    }

    private static Map<String, Object> tool(String name, String field, String type) {
        return Map.of(
                "type",
                "function",
                "function",
                Map.of(
                        "name",
                        name,
                        "parameters",
                        Map.of(
                                "type",
                                "object",
                                "properties",
                                Map.of(field, Map.of("type", type)),
                                "required",
                                List.of(field))));
    }

    private static final List<Map<String, Object>> TOOLS =
            List.of(tool("weather", "city", "string"), tool("add", "number", "integer"));

    private static final ResponseFormat NUMBER = new ResponseFormat.JsonSchema(
            "{\"type\":\"object\",\"properties\":{\"degrees\":{\"type\":\"integer\"}},\"required\":[\"degrees\"]}");

    /** Templates by what marks their form, with the answers that are calls in it. */
    static Stream<Arguments> calls() {
        String weather = "{\"name\": \"weather\", \"arguments\": {\"city\": \"Zürich\"}}";
        String add = "{\"name\": \"add\", \"arguments\": {\"number\": 3}}";
        String hermes = "<tool_call>\n" + weather + "\n</tool_call>";
        return Stream.of(
                arguments("<tool_call>", hermes),
                arguments("<tool_call>", hermes + "\n<tool_call>\n" + add + "\n</tool_call>"),
                arguments("<|python_tag|>", weather.replace("arguments", "parameters")),
                arguments("[TOOL_CALLS]", "[TOOL_CALLS] [" + weather + ", " + add + "]"),
                arguments(
                        "[TOOL_CALLS][ARGS]",
                        "[TOOL_CALLS]weather[ARGS]{\"city\": \"Bern\"}[TOOL_CALLS]add[ARGS]{\"number\": 1}"));
    }

    @ParameterizedTest
    @MethodSource("calls")
    void anAnswerIsInTheFormatOrCallsTools(String template, String calls) {
        for (boolean tokens : new boolean[] {true, false}) {
            tokenizer.close();
            tokenizer = tokens
                    ? MarkedTokenizer.load(true, "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]")
                    : TinyTokenizer.load();
            ToolFormat form = ToolFormat.of(template).orElseThrow();
            AnswerFormats.AnswerFormat format =
                    new AnswerFormats(tokenizer, TinyTokenizer.VOCABULARY + 4).compile(NUMBER, null, form, TOOLS);
            TokenConstraint.State call = begin(format);
            for (int id : tokenizer.encode(RenderedPrompt.trusted(calls))) {
                assertThat(call.isFinished()).isFalse();
                call.accept(id);
            }
            assertThat(call.isComplete()).as(calls).isTrue();

            TokenConstraint.State answer = begin(format);
            accept(answer, "{\"degrees\": 7}");
            assertThat(answer.isFinished()).isTrue();
            assertThat(format.answer().match(calls)).isEqualTo(Grammar.Match.NONE);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"weather\", \"arguments\": {\"city\": 3", "\"wetter", "\"add\", \"arguments\": {\"city"})
    void whatNoToolTakesIsNotCalled(String call) {
        TokenConstraint.State state = begin(
                formats().compile(NUMBER, null, ToolFormat.of("<tool_call>").orElseThrow(), TOOLS));
        accept(state, "<tool_call>\n{\"name\": ");
        assertThatThrownBy(() -> accept(state, call)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void thinkingMayComeBeforeACall() {
        tokenizer.close();
        tokenizer = MarkedTokenizer.load(true, "<think>", "</think>", "<tool_call>", "</tool_call>");
        TokenConstraint.State state = begin(new AnswerFormats(tokenizer, TinyTokenizer.VOCABULARY + 4)
                .compile(NUMBER, THINK, ToolFormat.of("<tool_call>").orElseThrow(), TOOLS));
        accept(state, "Which city? ");
        for (int id : tokenizer.encode(RenderedPrompt.trusted(
                "</think>\n\n<tool_call>\n{\"name\":\"add\",\"arguments\":{\"number\":12}}\n</tool_call>"))) {
            state.accept(id);
        }
        assertThat(state.isComplete()).isTrue();
    }

    @Test
    void aToolWhoseArgumentsCannotBeEnforcedIsNamed() {
        Map<String, Object> tool =
                Map.of("type", "function", "function", Map.of("name", "tags", "parameters", Map.of("not", Map.of())));
        assertThatThrownBy(() -> formats()
                        .compile(NUMBER, null, ToolFormat.of("<tool_call>").orElseThrow(), List.of(tool)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("tool 'tags'")
                .hasMessageContaining("#/not");
    }
}
