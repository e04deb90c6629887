package io.sliminfer.samples.rag;

import io.sliminfer.spring.SlimInferChatOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.client.ChatClientResponse;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.rag.advisor.RetrievalAugmentationAdvisor;
import org.springframework.ai.rag.retrieval.search.VectorStoreDocumentRetriever;
import org.springframework.ai.vectorstore.VectorStore;
import reactor.core.publisher.Flux;

/**
 * Answers questions from the stored passages: retrieves the nearest, puts them and the question into Spring AI's retrieval-augmentation
 * prompt, and asks the chat model. Thread-safe; each question stands alone.
 */
public final class DocumentAssistant {

    private final ChatClient client;

    /** @param topK passages that are retrieved for a question */
    public DocumentAssistant(ChatClient.Builder client, VectorStore passages, int topK) {
        this.client = client.defaultAdvisors(RetrievalAugmentationAdvisor.builder()
                        .documentRetriever(VectorStoreDocumentRetriever.builder()
                                .vectorStore(passages)
                                .topK(topK)
                                .build())
                        .build())
                .build();
    }

    /** Answers and waits. */
    public Answer ask(String question, Prefill prefill) {
        ChatClientResponse response = request(question, prefill).call().chatClientResponse();
        ChatResponse chat = Objects.requireNonNull(response.chatResponse(), "a call always has a response");
        return new Answer(text(chat), Source.of(response), Objects.requireNonNull(AnswerReport.of(chat), "no report"));
    }

    /** Answers piece by piece. Nothing happens before subscription; cancelling stops the model's work. */
    public Flux<AnswerEvent> stream(String question, Prefill prefill) {
        return Flux.defer(() -> {
            AnswerStream answer = new AnswerStream();
            // A failure waits until what came before it was taken: text that was answered is shown.
            return request(question, prefill).stream()
                    .chatClientResponse()
                    .concatMapDelayError(response -> Flux.fromIterable(answer.events(response)));
        });
    }

    /** Turns one answer's chunks into events. */
    private static final class AnswerStream {

        private @Nullable List<Source> sources;

        List<AnswerEvent> events(ChatClientResponse response) {
            List<AnswerEvent> events = new ArrayList<>();
            List<Source> known = sources;
            if (known == null) {
                known = Source.of(response);
                sources = known;
                events.add(new AnswerEvent.Sources(known));
            }
            ChatResponse chunk = response.chatResponse();
            if (chunk != null) {
                String text = text(chunk);
                if (!text.isEmpty()) {
                    events.add(new AnswerEvent.Text(text));
                }
                AnswerReport report = AnswerReport.of(chunk);
                if (report != null) {
                    events.add(new AnswerEvent.Finished(report, PromptStrip.of(chunk, known)));
                }
            }
            return events;
        }
    }

    private ChatClient.ChatClientRequestSpec request(String question, Prefill prefill) {
        return client.prompt()
                .user(question)
                .options(SlimInferChatOptions.builder()
                        .pruning(prefill.dense() ? false : null)
                        .prefixReuse(prefill.whole() ? false : null));
    }

    private static String text(ChatResponse response) {
        @Nullable
        String text = response.getResult() == null
                ? null
                : response.getResult().getOutput().getText();
        return text == null ? "" : text;
    }
}
