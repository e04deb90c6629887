package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/** The application as it is shipped, with the tiny model: five questions about its documents, answered dense and pruned. */
@SpringBootTest(webEnvironment = WebEnvironment.NONE)
class RagChatQuestionsTests {

    @Autowired
    DocumentAssistant assistant;

    @ParameterizedTest
    @MethodSource("questions")
    void answersWithDensePrefill(Question question) {
        Answer answer = assistant.ask(question.question(), Prefill.DENSE);

        assertThat(answer.text()).isEqualTo(question.answer());
        assertThat(answer.report().prunedShare()).isZero();
        assertThat(answer.report().promptTokens()).isBetween(4_000, 16_000);
    }

    @ParameterizedTest
    @MethodSource("questions")
    void answersWithPrunedPrefill(Question question) {
        Answer answer = assistant.ask(question.question(), Prefill.CONFIGURED);

        assertThat(answer.text()).isEqualTo(question.answer());
        assertThat(answer.report().prunedShare()).isGreaterThan(0.2);
        assertThat(answer.report().stages()).hasSizeGreaterThan(1);
    }

    @Test
    void aStreamedAnswerIsTheSameText() {
        Question question = questions().findFirst().orElseThrow();

        String streamed = assistant.stream(question.question(), Prefill.CONFIGURED)
                .filter(AnswerEvent.Text.class::isInstance)
                .map(event -> ((AnswerEvent.Text) event).text())
                .collectList()
                .map(texts -> String.join("", texts))
                .block();

        assertThat(streamed).isEqualTo(question.answer());
    }

    private static Stream<Question> questions() {
        return Question.all().stream().filter(Question::asked);
    }
}
