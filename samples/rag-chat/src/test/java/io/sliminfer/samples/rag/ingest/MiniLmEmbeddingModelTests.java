package io.sliminfer.samples.rag.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.ai.document.Document;

class MiniLmEmbeddingModelTests {

    private final MiniLmEmbeddingModel model = new MiniLmEmbeddingModel();

    @Test
    void putsSimilarSentencesCloserTogether() {
        List<float[]> vectors = model.embed(List.of(
                "Who delivered the pump?",
                "The supplier of the pump is Halden Works.",
                "The cat sleeps on the piano."));

        assertThat(vectors).allSatisfy(vector -> assertThat(vector).hasSize(384));
        assertThat(model.dimensions()).isEqualTo(384);
        assertThat(dot(vectors.get(0), vectors.get(1))).isGreaterThan(dot(vectors.get(0), vectors.get(2)) + 0.2);
        assertThat(dot(vectors.get(0), vectors.get(0))).isBetween(0.999, 1.001);
    }

    @Test
    void embedsADocumentAsItsText() {
        assertThat(model.embed(new Document("The gate."))).isEqualTo(model.embed("The gate."));
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
