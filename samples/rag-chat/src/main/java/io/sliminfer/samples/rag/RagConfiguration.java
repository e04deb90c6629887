package io.sliminfer.samples.rag;

import io.sliminfer.samples.rag.ingest.DocumentFolder;
import io.sliminfer.samples.rag.ingest.MiniLmEmbeddingModel;
import io.sliminfer.samples.rag.ingest.PassageIndex;
import io.sliminfer.samples.rag.ingest.PassageSplitter;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.document.Document;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.vectorstore.VectorStore;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Puts the parts together: documents, passages, vectors, assistant. The chat model comes from the starter. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(RagProperties.class)
class RagConfiguration {

    private static final Logger LOG = LoggerFactory.getLogger(RagConfiguration.class);

    @Bean
    EmbeddingModel embeddingModel() {
        return new MiniLmEmbeddingModel();
    }

    @Bean
    VectorStore passages(RagProperties properties, EmbeddingModel embeddingModel) {
        List<Document> documents = new DocumentFolder(properties.documents()).read();
        List<Document> passages = new PassageSplitter(properties.passageCharacters()).apply(documents);
        VectorStore store = new PassageIndex(embeddingModel, properties.indexFolder()).of(passages);
        long files = documents.stream()
                .map(document -> document.getMetadata().get(DocumentFolder.SOURCE))
                .distinct()
                .count();
        LOG.info("{}: {} files, {} passages", properties.documents(), files, passages.size());
        return store;
    }

    @Bean
    DocumentAssistant documentAssistant(ChatClient.Builder client, VectorStore passages, RagProperties properties) {
        return new DocumentAssistant(client, passages, properties.topK());
    }
}
