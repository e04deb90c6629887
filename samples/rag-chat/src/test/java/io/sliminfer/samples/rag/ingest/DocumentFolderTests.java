package io.sliminfer.samples.rag.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.document.Document;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class DocumentFolderTests {

    @TempDir
    Path folder;

    @Test
    void readsEveryFormatAndNamesTheFile() throws IOException {
        write("a.txt", "Plain text.");
        write("deeper/b.md", "# Title\n\nMarked *text*.");
        write("c.HTML", "<p>Page &amp; text.</p>");
        HandbookPdf.write("Printed text.", folder.resolve("d.pdf"));

        List<Document> documents = read();

        assertThat(documents)
                .extracting(document -> document.getMetadata().get(DocumentFolder.SOURCE))
                .containsExactly("a.txt", "c.HTML", "d.pdf", "deeper/b.md");
        assertThat(documents)
                .extracting(document -> document.getText().strip().replaceAll("\\s+", " "))
                .containsExactly("Plain text.", "Page & text.", "Printed text.", "Title Marked text.");
    }

    @Test
    void readsAFolderOnTheClasspath() {
        assertThat(new DocumentFolder("classpath:documents").read())
                .extracting(document -> document.getMetadata().get(DocumentFolder.SOURCE))
                .contains("pump-house-handbook.md", "ferries-and-warehouses.pdf");
    }

    @Test
    void leavesOutABrokenPdfAndNamesIt(CapturedOutput output) throws IOException {
        write("good.txt", "Text.");
        write("broken.pdf", "%PDF-1.7 and then nothing");

        assertThat(read()).hasSize(1);
        assertThat(output).contains("broken.pdf: left out: ");
    }

    @Test
    void leavesOutAPdfWithoutText(CapturedOutput output) throws IOException {
        write("good.txt", "Text.");
        HandbookPdf.write(" ", folder.resolve("scan.pdf"));

        assertThat(read()).hasSize(1);
        assertThat(output).contains("scan.pdf: left out: there is no text in it: scanned pages?");
    }

    @Test
    void leavesOutBinaryAndForeignFilesAndNamesThem(CapturedOutput output) throws IOException {
        write("good.txt", "Text.");
        write("zeros.txt", "a\0b");
        Files.write(folder.resolve("latin.md"), "Malm\u00f6".getBytes(StandardCharsets.ISO_8859_1));
        write("table.xlsx", "PK");

        assertThat(read()).hasSize(1);
        assertThat(output)
                .contains("zeros.txt: left out: it is binary, not text")
                .contains("latin.md: left out: it is not text in UTF-8")
                .contains("table.xlsx: left out: only .txt, .md, .html and .pdf files are read");
    }

    @Test
    void leavesOutHiddenFilesWithoutAWord(CapturedOutput output) throws IOException {
        write("good.txt", "Text.");
        write(".git/notes.txt", "Hidden.");

        assertThat(read()).hasSize(1);
        assertThat(output).doesNotContain("notes.txt");
    }

    @Test
    void refusesAnEmptyFolder() {
        assertThatExceptionOfType(DocumentFolderException.class)
                .isThrownBy(this::read)
                .withMessage("rag.documents=" + folder + " is empty.")
                .satisfies(refused -> assertThat(refused.action()).contains("--documents", "rag.documents", ".pdf"));
    }

    @Test
    void refusesAFolderWithoutAReadableDocument() throws IOException {
        write("table.xlsx", "PK");

        assertThatExceptionOfType(DocumentFolderException.class)
                .isThrownBy(this::read)
                .withMessage("rag.documents=" + folder + " has no document that can be read among 1 files.");
    }

    @Test
    void refusesAMissingFolder() {
        Path missing = folder.resolve("missing");

        assertThatExceptionOfType(DocumentFolderException.class)
                .isThrownBy(() -> new DocumentFolder(missing.toString()).read())
                .withMessage("rag.documents=" + missing + " does not exist (" + missing + ").");
    }

    @Test
    void refusesAFile() throws IOException {
        write("good.txt", "Text.");
        Path file = folder.resolve("good.txt");

        assertThatExceptionOfType(DocumentFolderException.class)
                .isThrownBy(() -> new DocumentFolder(file.toString()).read())
                .withMessage("rag.documents=" + file + " is a file, not a folder.");
    }

    @Test
    void refusesAMissingFolderOnTheClasspath() {
        assertThatExceptionOfType(DocumentFolderException.class)
                .isThrownBy(() -> new DocumentFolder("classpath:nowhere").read())
                .withMessageStartingWith("rag.documents=classpath:nowhere ");
    }

    private List<Document> read() {
        return new DocumentFolder(folder.toString()).read();
    }

    private void write(String name, String content) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }
}
