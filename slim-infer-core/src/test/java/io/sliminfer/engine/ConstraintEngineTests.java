package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.format.SmallModels;
import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.TokenConstraint;
import io.sliminfer.grammar.TokenGrammar;
import io.sliminfer.grammar.TokenVocabulary;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Answers under a constraint, of a model of random weights that would say anything. */
@Timeout(120)
class ConstraintEngineTests {

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    /** Token 1 is the first printable character, and so on; the model's 64 tokens do without small letters. */
    private static TokenVocabulary vocabulary(int size) {
        return TokenVocabulary.of(size, id -> id == 0 ? null : new byte[] {(byte) (' ' + id - 1)});
    }

    private static TokenConstraint constraint(TestEngine test, Expression expression) {
        return new TokenGrammar(
                Grammar.of(expression), vocabulary(test.engine.model().vocabulary()));
    }

    private static String text(List<Integer> tokens) {
        StringBuilder text = new StringBuilder();
        tokens.forEach(token -> text.append((char) (' ' + token - 1)));
        return text.toString();
    }

    private static GenerationRequest request(
            int[] prompt, Sampling sampling, int maxTokens, TokenConstraint constraint) {
        return new GenerationRequest(prompt, sampling, maxTokens, Set.of(0), null, true, constraint, null);
    }

    static List<Sampling> samplings() {
        return List.of(
                Sampling.GREEDY,
                new Sampling(0, 0, 1, 0, 1.3, 0.2, 0.1, null),
                new Sampling(1.5, 0, 1, 0, 1, 0, 0, 5L),
                new Sampling(1.5, 3, 0.5, 0.1, 1, 0, 0, 6L));
    }

    @ParameterizedTest
    @MethodSource("samplings")
    void anAnswerHasTheFormatAndEndsByItself(Sampling sampling) {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            TokenConstraint quarter = constraint(
                    test,
                    Expression.sequence(
                            Expression.repeat(Expression.range('0', '9'), 4, 4),
                            Expression.literal("-"),
                            Expression.choice(Expression.literal("Q1"), Expression.literal("Q2"))));

            RecordedGeneration answer = test.submit(request(test.prompt(3, 20), sampling, 50, quarter));

            assertThat(answer.awaitFinish(FinishReason.STOP).generatedTokens()).isEqualTo(7);
            assertThat(text(answer.tokens())).matches("[0-9]{4}-Q[12]");
        }
    }

    @Test
    void anAnswerInABatchIsTheOneItGivesAlone() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            TokenConstraint digits = constraint(test, Expression.repeat(Expression.range('0', '9'), 12, 12));
            TokenConstraint letters = constraint(test, Expression.repeat(Expression.range('A', 'Z'), 15, 15));
            List<GenerationRequest> requests = List.of(
                    request(test.prompt(1, 20), Sampling.GREEDY, 50, digits),
                    request(test.prompt(2, 25), Sampling.GREEDY, 50, letters),
                    TestEngine.greedy(test.prompt(3, 30), 14),
                    request(test.prompt(4, 20), new Sampling(1, 0, 1, 0, 1, 0, 0, 9L), 50, letters));
            List<List<Integer>> alone = new ArrayList<>();
            for (GenerationRequest request : requests) {
                RecordedGeneration answer = test.submit(request);
                assertThat(answer.failure()).isNull();
                alone.add(answer.tokens());
            }
            List<RecordedGeneration> together =
                    requests.stream().map(test::submit).toList();
            for (int i = 0; i < requests.size(); i++) {
                assertThat(together.get(i).failure()).isNull();
                assertThat(together.get(i).tokens()).as("request %d", i).isEqualTo(alone.get(i));
            }
        }
    }

    @Test
    void theLimitOfTokensCutsAnAnswer() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            TokenConstraint digits = constraint(test, Expression.repeat(Expression.range('0', '9'), 12, 12));
            RecordedGeneration answer = test.submit(request(test.prompt(1, 20), Sampling.GREEDY, 5, digits));
            assertThat(answer.awaitFinish(FinishReason.LENGTH).generatedTokens())
                    .isEqualTo(5);
        }
    }

    @Test
    void aFormatThatTheVocabularyCannotWriteFailsAlone() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            TokenConstraint umlaut = constraint(test, Expression.literal("Aé"));
            RecordedGeneration answer = test.submit(request(test.prompt(1, 20), Sampling.GREEDY, 5, umlaut));
            assertThat(answer.awaitFailure(EngineException.Kind.CONSTRAINT))
                    .hasMessageContaining("no token of the vocabulary continues the format");
            test.submit(TestEngine.greedy(test.prompt(1, 20), 2)).awaitFinish(FinishReason.LENGTH);
        }
    }

    @Test
    void aConstraintOfALargerVocabularyIsRefused() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            int size = test.engine.model().vocabulary() + 1;
            TokenConstraint larger = new TokenGrammar(Grammar.of(Expression.literal("A")), vocabulary(size));
            assertThatThrownBy(() -> test.submit(request(test.prompt(1, 20), Sampling.GREEDY, 5, larger)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the constraint is made for " + size + " tokens");
        }
    }

    @Test
    void stopIdsEndOnlyWhatIsComplete() {
        TokenVocabulary vocabulary = TokenVocabulary.of(
                3, id -> id == 0 ? null : "ab".substring(id - 1, id).getBytes(StandardCharsets.UTF_8));
        TokenConstraint.State state = new TokenGrammar(
                        Grammar.of(Expression.sequence(
                                Expression.literal("a"), Expression.repeat(Expression.literal("b")))),
                        vocabulary)
                .begin(Set.of(0));
        assertThat(state.allows(0)).isFalse();
        assertThat(state.allowed()).containsExactly(0b010);
        state.accept(1);
        assertThat(state.allowed()).containsExactly(0b101);
        assertThat(state.isComplete()).isTrue();
        assertThat(state.isFinished()).isFalse();
        state.accept(0);
        assertThat(state.isFinished()).isTrue();
        assertThat(state.allowed()).containsExactly(0);
        assertThatThrownBy(() -> state.accept(2)).isInstanceOf(IllegalStateException.class);
    }
}
