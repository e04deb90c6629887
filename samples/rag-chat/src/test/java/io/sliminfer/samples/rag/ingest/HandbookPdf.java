package io.sliminfer.samples.rag.ingest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.PDPage;
import org.apache.pdfbox.pdmodel.PDPageContentStream;
import org.apache.pdfbox.pdmodel.common.PDRectangle;
import org.apache.pdfbox.pdmodel.font.PDFont;
import org.apache.pdfbox.pdmodel.font.PDType1Font;
import org.apache.pdfbox.pdmodel.font.Standard14Fonts.FontName;

/**
 * Makes {@code documents/ferries-and-warehouses.pdf} from its text: lines that start with {@code #} become headings, the others paragraphs,
 * broken into lines and pages as a word processor would. Run {@link #main} in the module's folder after changing the text.
 */
final class HandbookPdf {

    static final Path TEXT = Path.of("src/test/resources/ferries-and-warehouses.txt");
    static final Path PDF = Path.of("documents/ferries-and-warehouses.pdf");

    private static final float MARGIN_POINTS = 72;
    private static final float LINE_POINTS = 15;
    private static final PDFont BODY = new PDType1Font(FontName.TIMES_ROMAN);
    private static final PDFont HEADING = new PDType1Font(FontName.TIMES_BOLD);

    private final PDDocument document = new PDDocument();
    private PDPageContentStream page;
    private float y;

    private HandbookPdf() throws IOException {
        newPage();
    }

    public static void main(String[] arguments) throws IOException {
        write(Files.readString(TEXT), PDF);
    }

    static void write(String text, Path target) throws IOException {
        HandbookPdf pdf = new HandbookPdf();
        try (PDDocument document = pdf.document) {
            for (String block : text.strip().split("\\n\\s*\\n")) {
                boolean heading = block.startsWith("#");
                pdf.paragraph(block.replaceFirst("^#+\\s*", ""), heading ? HEADING : BODY, heading ? 14 : 11);
            }
            pdf.page.close();
            // Otherwise made from the clock: the same text gives the same file.
            document.setDocumentId(1L);
            document.save(target.toFile());
        }
    }

    private void paragraph(String text, PDFont font, float points) throws IOException {
        for (String line : lines(text, font, points)) {
            if (y < MARGIN_POINTS) {
                page.close();
                newPage();
            }
            page.beginText();
            page.setFont(font, points);
            page.newLineAtOffset(MARGIN_POINTS, y);
            page.showText(line);
            page.endText();
            y -= LINE_POINTS;
        }
        y -= LINE_POINTS;
    }

    private static List<String> lines(String text, PDFont font, float points) throws IOException {
        float width = PDRectangle.A4.getWidth() - 2 * MARGIN_POINTS;
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split("\\s+")) {
            String longer = line.isEmpty() ? word : line + " " + word;
            if (font.getStringWidth(longer) / 1000 * points > width) {
                lines.add(line.toString());
                line.setLength(0);
                line.append(word);
            } else {
                line.setLength(0);
                line.append(longer);
            }
        }
        lines.add(line.toString());
        return lines;
    }

    private void newPage() throws IOException {
        PDPage next = new PDPage(PDRectangle.A4);
        document.addPage(next);
        page = new PDPageContentStream(document, next);
        y = PDRectangle.A4.getHeight() - MARGIN_POINTS;
    }
}
