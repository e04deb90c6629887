package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.vectorstore.VectorStore;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/**
 * The application as it is shipped, with the tiny model: a question about its documents, answered dense and pruned. Four more with fewer
 * passages, which take a fraction of the time.
 */
@SpringBootTest(webEnvironment = WebEnvironment.NONE)
class RagChatQuestionsTests {

    private static final int DENSE_PASSAGES = 12;

    /** Enough for a prompt that is pruned. */
    private static final int PRUNED_PASSAGES = 24;

    @Autowired
    DocumentAssistant assistant;

    @Autowired
    ChatClient.Builder client;

    @Autowired
    VectorStore passages;

    @Test
    void answersWithDensePrefill() {
        assertDense(assistant.ask(first().question(), Prefill.DENSE), first());
    }

    @Test
    void answersWithPrunedPrefill() {
        Answer answer = assistant.ask(first().question(), Prefill.CONFIGURED);

        assertPruned(answer, first());
        assertThat(answer.report().promptTokens()).isBetween(4_000, 16_000);
    }

    @ParameterizedTest
    @MethodSource("others")
    void answersFromFewPassagesWithDensePrefill(Question question) {
        DocumentAssistant small = new DocumentAssistant(client, passages, DENSE_PASSAGES);

        assertDense(small.ask(question.question(), Prefill.DENSE), question);
    }

    @ParameterizedTest
    @MethodSource("others")
    void answersFromFewPassagesWithPrunedPrefill(Question question) {
        DocumentAssistant small = new DocumentAssistant(client, passages, PRUNED_PASSAGES);

        assertPruned(small.ask(question.question(), Prefill.CONFIGURED), question);
    }

    @Test
    void aStreamedAnswerIsTheSameText() {
        List<AnswerEvent> events = new DocumentAssistant(client, passages, PRUNED_PASSAGES)
                .stream(first().question(), Prefill.CONFIGURED).collectList().block();

        assertThat(events)
                .filteredOn(AnswerEvent.Text.class::isInstance)
                .extracting(event -> ((AnswerEvent.Text) event).text())
                .hasSizeGreaterThan(1)
                .satisfies(texts -> assertThat(String.join("", texts)).isEqualTo(first().answer()));
    }

    private static void assertDense(Answer answer, Question question) {
        assertThat(answer.text()).isEqualTo(question.answer());
        assertThat(answer.report().prunedShare()).isZero();
    }

    private static void assertPruned(Answer answer, Question question) {
        assertThat(answer.text()).isEqualTo(question.answer());
        assertThat(answer.report().prunedShare()).isGreaterThan(0.2);
        assertThat(answer.report().stages()).hasSizeGreaterThan(1);
    }

    private static Question first() {
        return Question.all().stream().filter(Question::asked).findFirst().orElseThrow();
    }

    private static Stream<Question> others() {
        return Question.all().stream().filter(Question::asked).skip(1);
    }
}
