package io.sliminfer.samples.rag.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MarkdownReaderTests {

    @Test
    void keepsParagraphsApartAndDropsTheMarks() {
        assertThat(text("# Pumps\n\nThe *supplier* of `P-113`\nis [Halden](halden.md).\n\n> Next & last.\n"))
                .isEqualTo("Pumps\n\nThe supplier of P-113 is Halden.\n\nNext & last.");
    }

    @Test
    void keepsListItemsOnLinesOfTheirOwn() {
        assertThat(text("Codes:\n- One.\n- Two.\n\n1. First.\n2. Second.\n"))
                .isEqualTo("Codes:\n\n- One.\n- Two.\n\n1. First.\n2. Second.");
    }

    @Test
    void keepsTheLinesOfACodeBlock() {
        assertThat(text("```yaml\nslim-infer:\n  model: here\n```\n")).isEqualTo("slim-infer:\n  model: here");
    }

    private static String text(String markdown) {
        return new MarkdownReader(markdown).get().get(0).getText();
    }
}
