package io.sliminfer.samples.rag.ingest;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;
import org.springframework.ai.document.Document;
import org.springframework.ai.document.DocumentReader;

/**
 * Reads the text of a Markdown file as the page that it stands for, so that both formats give the same paragraphs and lists. Spring AI
 * 2.0.0's own reader puts the paragraphs of a section together without even a space ("… in a hurry.The supplier of …"), which hides
 * where a fact begins.
 */
final class MarkdownReader implements DocumentReader {

    private final String markdown;

    MarkdownReader(String markdown) {
        this.markdown = markdown;
    }

    @Override
    public List<Document> get() {
        String html =
                HtmlRenderer.builder().build().render(Parser.builder().build().parse(markdown));
        return new HtmlReader(html.getBytes(StandardCharsets.UTF_8)).get();
    }
}
