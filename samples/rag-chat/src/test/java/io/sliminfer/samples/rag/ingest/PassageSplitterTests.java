package io.sliminfer.samples.rag.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.document.Document;

class PassageSplitterTests {

    private static final String WRAPPED =
            """
            The supplier of pump P-113 is Halden Works and everybody on the quay
            knows it. The serial number of pump P-113 is T-58214.

            Short line
            another

            - The gate of flight QQ551 is D-417, which is a long way from the door.
            - The gate of flight QQ515 is D-714.
            """;

    @Test
    void joinsWrappedLinesAndKeepsListItemsApart() {
        assertThat(Paragraphs.of(WRAPPED))
                .containsExactly(
                        "The supplier of pump P-113 is Halden Works and everybody on the quay knows it."
                                + " The serial number of pump P-113 is T-58214.",
                        "Short line\nanother",
                        "- The gate of flight QQ551 is D-417, which is a long way from the door.\n"
                                + "- The gate of flight QQ515 is D-714.");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 60, 100, 130, 1000})
    void neverCutsASentence(int characters) {
        List<String> passages = split(characters, WRAPPED);

        for (String sentence : List.of(
                "The supplier of pump P-113 is Halden Works and everybody on the quay knows it.",
                "The serial number of pump P-113 is T-58214.",
                "- The gate of flight QQ515 is D-714.")) {
            assertThat(passages)
                    .as(sentence)
                    .filteredOn(passage -> passage.contains(sentence))
                    .hasSize(1);
        }
    }

    @Test
    void fillsPassagesUpToTheLength() {
        assertThat(split(20, "One one.\n\nTwo two.\n\nThree three."))
                .containsExactly("One one.\n\nTwo two.", "Three three.");
    }

    @Test
    void keepsAHeadingWithWhatFollows() {
        assertThat(split(40, "A first paragraph of some length.\n\nProject Heron\n\nIt digs."))
                .containsExactly("A first paragraph of some length.", "Project Heron\n\nIt digs.");
    }

    @Test
    void losesNoWord() {
        String words = WRAPPED.replaceAll("\\s+", " ").strip();

        assertThat(String.join(" ", split(90, WRAPPED)).replaceAll("\\s+", " ")).isEqualTo(words);
    }

    @Test
    void passagesKnowTheirFile() {
        Document document = new Document("One.\n\nTwo.", Map.of(DocumentFolder.SOURCE, "a.txt"));

        assertThat(new PassageSplitter(4).apply(List.of(document)))
                .extracting(passage -> passage.getMetadata().get(DocumentFolder.SOURCE))
                .containsExactly("a.txt", "a.txt");
    }

    private static List<String> split(int characters, String text) {
        return new PassageSplitter(characters).splitText(text);
    }
}
