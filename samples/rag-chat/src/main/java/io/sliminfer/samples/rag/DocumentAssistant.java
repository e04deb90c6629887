package io.sliminfer.samples.rag;

import io.sliminfer.spring.SlimInferChatOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
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

    /**
     * Answers and waits.
     *
     * @param dense whether prefill computes every token in every layer; otherwise {@code slim-infer.pruning.*} decides
     */
    public Answer ask(String question, boolean dense) {
        ChatClientResponse response = request(question, dense).call().chatClientResponse();
        ChatResponse chat = Objects.requireNonNull(response.chatResponse(), "a call always has a response");
        return new Answer(text(chat), Source.of(response), Objects.requireNonNull(AnswerReport.of(chat), "no report"));
    }

    /** Answers piece by piece. Nothing happens before subscription; cancelling stops the model's work. */
    public Flux<AnswerEvent> stream(String question, boolean dense) {
        return Flux.defer(() -> {
            AtomicBoolean sourcesSent = new AtomicBoolean();
            return request(question, dense).stream().chatClientResponse().concatMapIterable(response -> {
                List<AnswerEvent> events = new ArrayList<>();
                if (sourcesSent.compareAndSet(false, true)) {
                    events.add(new AnswerEvent.Sources(Source.of(response)));
                }
                ChatResponse chat = response.chatResponse();
                if (chat != null) {
                    addChunk(events, chat);
                }
                return events;
            });
        });
    }

    private static void addChunk(List<AnswerEvent> events, ChatResponse chunk) {
        String text = text(chunk);
        if (!text.isEmpty()) {
            events.add(new AnswerEvent.Text(text));
        }
        AnswerReport report = AnswerReport.of(chunk);
        if (report != null) {
            events.add(new AnswerEvent.Finished(report));
        }
    }

    private ChatClient.ChatClientRequestSpec request(String question, boolean dense) {
        ChatClient.ChatClientRequestSpec request = client.prompt().user(question);
        return dense ? request.options(SlimInferChatOptions.builder().pruning(false)) : request;
    }

    private static String text(ChatResponse response) {
        @Nullable
        String text = response.getResult() == null
                ? null
                : response.getResult().getOutput().getText();
        return text == null ? "" : text;
    }
}
