package io.sliminfer.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.engine.Sampling;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
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
        TokenConstraint.State state = begin(formats().compile(ResponseFormat.JSON_OBJECT, null));
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
        assertThat(formats.compile(schema, null))
                .isSameAs(formats.compile(new ResponseFormat.JsonSchema("{\"type\":\"integer\"}"), null))
                .isNotSameAs(formats.compile(schema, THINK));
        assertThat(formats.compile(ResponseFormat.TEXT, null)).isNull();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void thinkingIsFreeUpToItsMark(boolean special) {
        tokenizer.close();
        tokenizer = MarkedTokenizer.load(special, "<think>", "</think>");
        int close = tokenizer.addedTokenId("</think>").orElseThrow();
        TokenConstraint.State state = begin(formats().compile(ResponseFormat.JSON_OBJECT, THINK));
        accept(state, "Let me see: {\"no\" é ");
        assertThat(state.allows(STOP)).isFalse();
        state.accept(close);
        assertThat(state.allows(ids("x")[0])).isFalse();
        accept(state, "\n\n{}");
        assertThat(state.isFinished()).isTrue();
    }

    @Test
    void aMarkThatIsNoTokenIsFoundInTheText() {
        TokenConstraint.State state = begin(formats().compile(ResponseFormat.JSON_OBJECT, THINK));
        accept(state, "Well <b>");
        accept(state, "</think>");
        accept(state, "{}");
        assertThat(state.isFinished()).isTrue();
    }

    @Test
    void anyGrammarMayBeAFormat() {
        Grammar grammar = Grammar.of(Expression.choice(Expression.literal("yes"), Expression.literal("no")));
        TokenConstraint.State state = begin(formats().compile(new ResponseFormat.Custom(grammar), null));
        accept(state, "no");
        assertThat(state.isFinished()).isTrue();
    }

    @Test
    void toolsAndAFormatAreRefusedTogether() {
        assertThatThrownBy(() -> new ChatRequest(
                        List.of(Map.of("role", "user", "content", "x")),
                        List.of(Map.of("type", "function")),
                        Map.of(),
                        Sampling.GREEDY,
                        0,
                        List.of(),
                        null,
                        true,
                        ThinkingMode.SEPARATE,
                        null,
                        ResponseFormat.JSON_OBJECT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("tools and a response format");
    }
}
