package io.sliminfer.samples.rag.ingest;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.springframework.ai.document.Document;
import org.springframework.ai.document.DocumentReader;
import org.springframework.ai.reader.TextReader;
import org.springframework.ai.reader.pdf.PagePdfDocumentReader;
import org.springframework.ai.reader.pdf.config.PdfDocumentReaderConfig;

/** Chooses the reader for a file by its extension: Spring AI's for text and PDF, ours for Markdown and HTML. */
final class FileReaders {

    /** The documents of one file, at least one, none of them blank. */
    List<Document> read(SourceFile file) throws UnreadableFileException {
        DocumentReader reader =
                switch (file.extension()) {
                    case "txt", "text" -> textReader(file);
                    case "md", "markdown" -> new MarkdownReader(text(file));
                    case "html", "htm" -> new HtmlReader(file.content());
                    case "pdf" -> () -> pdf(file);
                    default -> throw new UnreadableFileException("only .txt, .md, .html and .pdf files are read");
                };
        List<Document> documents;
        try {
            documents = reader.get();
        } catch (RuntimeException e) {
            // Readers of a format throw what their libraries throw; one broken file must not stop the application.
            throw new UnreadableFileException(reason(e));
        }
        documents = documents.stream()
                .filter(document ->
                        document.getText() != null && !document.getText().isBlank())
                .toList();
        if (documents.isEmpty()) {
            throw new UnreadableFileException(
                    "there is no text in it" + (file.extension().equals("pdf") ? ": scanned pages?" : ""));
        }
        return documents;
    }

    /** All pages as one document, as a paragraph may run over the end of a page. */
    private static List<Document> pdf(SourceFile file) {
        PdfDocumentReaderConfig config = PdfDocumentReaderConfig.builder()
                .withPagesPerDocument(PdfDocumentReaderConfig.ALL_PAGES)
                .build();
        return new PagePdfDocumentReader(file.resource(), config).get();
    }

    private static DocumentReader textReader(SourceFile file) throws UnreadableFileException {
        text(file);
        return new TextReader(file.resource());
    }

    /** The file's text. Decoded strictly: the readers would replace what they cannot decode, without a word. */
    private static String text(SourceFile file) throws UnreadableFileException {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(file.content()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new UnreadableFileException("it is not text in UTF-8");
        }
        if (text.indexOf('\0') >= 0) {
            throw new UnreadableFileException("it is binary, not text");
        }
        return text;
    }

    private static String reason(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }
}
