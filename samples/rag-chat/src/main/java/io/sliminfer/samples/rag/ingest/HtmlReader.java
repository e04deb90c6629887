package io.sliminfer.samples.rag.ingest;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.StringJoiner;
import java.util.regex.Pattern;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.Node;
import org.jsoup.nodes.TextNode;
import org.springframework.ai.document.Document;
import org.springframework.ai.document.DocumentReader;

/**
 * Reads the text of an HTML page: one paragraph for each block of text, paragraphs separated by an empty line, list items as
 * {@code - item} or {@code 1. item} lines, table rows as {@code cell: cell} lines. Scripts, styles, navigation and forms are left out. The character set is the page's own.
 */
final class HtmlReader implements DocumentReader {

    private static final String NOT_CONTENT = "script, style, template, noscript, nav, form, button, svg, iframe";

    private static final String PARAGRAPH_END = "\n\n";
    private static final Pattern MARKER_ALONE = Pattern.compile("-|\\d+\\.");

    private final byte[] html;

    HtmlReader(byte[] html) {
        this.html = html;
    }

    @Override
    public List<Document> get() {
        Element body;
        try {
            // No charset given: jsoup takes it from the byte order mark or the page's meta element, and UTF-8
            // otherwise.
            body = Jsoup.parse(new ByteArrayInputStream(html), null, "").body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        body.select(NOT_CONTENT).remove();
        StringBuilder text = new StringBuilder();
        StringBuilder line = new StringBuilder();
        append(body, text, line);
        flush(text, line, PARAGRAPH_END);
        return List.of(new Document(text.toString().strip()));
    }

    /** Appends what is below {@code parent}: inline text grows {@code line}, a block ends it. */
    private static void append(Element parent, StringBuilder text, StringBuilder line) {
        for (Node node : parent.childNodes()) {
            if (node instanceof TextNode words) {
                line.append(words.getWholeText());
            } else if (node instanceof Element element) {
                switch (element.normalName()) {
                    case "br" -> flush(text, line, "\n");
                    case "li" -> {
                        flush(text, line, "\n");
                        line.append(marker(element));
                        append(element, text, line);
                        flush(text, line, "\n");
                    }
                    case "tr" -> {
                        StringJoiner cells = new StringJoiner(": ");
                        element.children().forEach(cell -> cells.add(cell.text()));
                        line.append(cells);
                        flush(text, line, "\n");
                    }
                    case "pre" -> {
                        flush(text, line, PARAGRAPH_END);
                        text.append(element.wholeText().strip()).append(PARAGRAPH_END);
                    }
                    default -> {
                        if (element.isBlock()) {
                            flush(text, line, PARAGRAPH_END);
                            append(element, text, line);
                            flush(text, line, PARAGRAPH_END);
                        } else {
                            append(element, text, line);
                        }
                    }
                }
            }
        }
    }

    private static String marker(Element item) {
        boolean numbered = item.parent() != null && item.parent().nameIs("ol");
        return numbered ? (item.elementSiblingIndex() + 1) + ". " : "- ";
    }

    /** Ends a line of text. White space in HTML means one space, wherever the author broke the line. */
    private static void flush(StringBuilder text, StringBuilder line, String end) {
        String words = line.toString().replaceAll("\\s+", " ").strip();
        if (MARKER_ALONE.matcher(words).matches()) {
            return; // the item's text follows, in a block of its own
        }
        line.setLength(0);
        if (!words.isEmpty()) {
            text.append(words).append(end);
        } else if (end.equals(PARAGRAPH_END)
                && !text.isEmpty()
                && !text.toString().endsWith(end)) {
            text.append('\n');
        }
    }
}
