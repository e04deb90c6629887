package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.samples.rag.ingest.DocumentFolder;
import io.sliminfer.samples.rag.ingest.MiniLmEmbeddingModel;
import io.sliminfer.samples.rag.ingest.PassageIndex;
import io.sliminfer.samples.rag.ingest.PassageSplitter;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.document.Document;

/** The sample's documents, read, split, embedded and searched with the real embedding model; only the chat model is a stub. */
class RetrievalTests {

    // As the properties' defaults.
    private static final int TOP_K = 48;
    private static final int PASSAGE_CHARACTERS = 700;

    private static final StubChatModel MODEL = new StubChatModel();
    private static List<Document> passages;
    private static DocumentAssistant assistant;

    @BeforeAll
    static void ingest() {
        passages = new PassageSplitter(PASSAGE_CHARACTERS).apply(new DocumentFolder("documents").read());
        assistant = new DocumentAssistant(
                ChatClient.builder(MODEL), new PassageIndex(new MiniLmEmbeddingModel(), null).of(passages), TOP_K);
    }

    @ParameterizedTest
    @MethodSource("questions")
    void oneWholePassageStatesTheFact(Question question) {
        assertThat(passages)
                .filteredOn(passage -> String.valueOf(passage.getText()).contains(question.fact()))
                .singleElement()
                .satisfies(passage ->
                        assertThat(passage.getMetadata()).containsEntry(DocumentFolder.SOURCE, question.file()));
    }

    @ParameterizedTest
    @MethodSource("questions")
    void putsThePassageBeforeTheModel(Question question) {
        Answer answer = assistant.ask(question.question(), Prefill.CONFIGURED);

        assertThat(answer.sources()).hasSize(TOP_K).anySatisfy(source -> {
            assertThat(source.text()).contains(question.fact());
            assertThat(source.file()).isEqualTo(question.file());
        });
        assertThat(MODEL.lastPrompt().getContents())
                .contains(question.fact())
                .contains("Query: " + question.question());
    }

    @Test
    void theBestPassageComesFirst() {
        List<Source> sources = assistant
                .ask("What is the supplier of pump P-113?", Prefill.CONFIGURED)
                .sources();

        assertThat(sources).extracting(Source::score).isSortedAccordingTo((a, b) -> Double.compare(b, a));
    }

    @Test
    void thePromptIsLong() {
        assistant.ask("What is the supplier of pump P-113?", Prefill.CONFIGURED);

        // 3.6 characters a token: about 7,000 tokens.
        assertThat(MODEL.lastPrompt().getContents().length()).isBetween(20_000, 40_000);
    }

    private static Stream<Question> questions() {
        return Question.all().stream();
    }
}
