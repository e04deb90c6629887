package io.sliminfer.samples.rag;

import io.sliminfer.samples.rag.ingest.DocumentFolder;
import java.util.List;
import org.springframework.ai.chat.client.ChatClientResponse;
import org.springframework.ai.document.Document;
import org.springframework.ai.rag.advisor.RetrievalAugmentationAdvisor;

/**
 * A passage that was put before the model.
 *
 * @param file  path below the folder of documents
 * @param text  the passage
 * @param score similarity to the question, at most 1
 */
public record Source(String file, String text, double score) {

    /** The passages behind a response, the best match first. */
    static List<Source> of(ChatClientResponse response) {
        Object passages = response.context().get(RetrievalAugmentationAdvisor.DOCUMENT_CONTEXT);
        if (!(passages instanceof List<?> list)) {
            return List.of();
        }
        return list.stream().map(Document.class::cast).map(Source::of).toList();
    }

    private static Source of(Document passage) {
        return new Source(
                String.valueOf(passage.getMetadata().get(DocumentFolder.SOURCE)),
                String.valueOf(passage.getText()),
                passage.getScore() == null ? 0 : passage.getScore());
    }
}
