package io.sliminfer.samples.rag.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.document.Document;
import org.springframework.ai.embedding.Embedding;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.embedding.EmbeddingRequest;
import org.springframework.ai.embedding.EmbeddingResponse;
import org.springframework.ai.vectorstore.VectorStore;

class PassageIndexTests {

    @TempDir
    Path folder;

    private final CountingModel model = new CountingModel();

    @Test
    void embedsTheSamePassagesOnce() {
        new PassageIndex(model, folder).of(passages("One.", "Two."));
        int embedded = model.embedded;

        VectorStore again = new PassageIndex(model, folder).of(passages("One.", "Two."));

        assertThat(model.embedded).isEqualTo(embedded);
        assertThat(again.similaritySearch("One.")).extracting(Document::getText).contains("One.", "Two.");
        assertThat(again.similaritySearch("One.").get(0).getMetadata()).containsEntry(DocumentFolder.SOURCE, "a.txt");
    }

    @Test
    void aChangedPassageIsAnotherIndex() throws IOException {
        new PassageIndex(model, folder).of(passages("One.", "Two."));
        new PassageIndex(model, folder).of(passages("One.Two."));

        assertThat(files()).hasSize(2).allMatch(file -> file.endsWith(".json"));
    }

    @Test
    void aBrokenIndexIsMadeAnew() throws IOException {
        new PassageIndex(model, folder).of(passages("One."));
        Files.writeString(folder.resolve(files().get(0)), "{ broken");

        VectorStore store = new PassageIndex(model, folder).of(passages("One."));

        assertThat(store.similaritySearch("One.")).hasSize(1);
        assertThat(Files.readString(folder.resolve(files().get(0)))).contains("One.");
    }

    @Test
    void aFolderThatCannotBeWrittenDoesNotStopTheAnswer() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "in the way");

        assertThat(new PassageIndex(model, file).of(passages("One.")).similaritySearch("One."))
                .hasSize(1);
    }

    private static List<Document> passages(String... texts) {
        return Stream.of(texts)
                .map(text -> new Document(text, Map.of(DocumentFolder.SOURCE, "a.txt")))
                .toList();
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    /** Two numbers a text, and a count of the texts. */
    private static final class CountingModel implements EmbeddingModel {

        private int embedded;

        @Override
        public EmbeddingResponse call(EmbeddingRequest request) {
            return new EmbeddingResponse(request.getInstructions().stream()
                    .map(text -> new Embedding(embed(text), 0))
                    .toList());
        }

        @Override
        public float[] embed(String text) {
            if (!text.equals("One.")) {
                embedded++;
            }
            return new float[] {1, text.length()};
        }

        @Override
        public float[] embed(Document document) {
            return embed(String.valueOf(document.getText()));
        }
    }
}
