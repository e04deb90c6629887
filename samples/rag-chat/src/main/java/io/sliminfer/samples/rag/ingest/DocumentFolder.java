package io.sliminfer.samples.rag.ingest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.ai.document.Document;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;

/**
 * Reads the documents of a folder and its subfolders: text, Markdown, HTML and PDF. Every {@link Document} has the file's path below
 * the folder as its metadata {@link #SOURCE}. A file that cannot be read is left out with a warning that names it; a folder
 * without any document is an error, because each answer would be "The context does not say."
 */
public final class DocumentFolder {

    /** Metadata key: the file that a document or passage comes from. */
    public static final String SOURCE = "source";

    static final String PROPERTY = "rag.documents";

    // A document is read whole, and its passages are embedded one by one: beyond this a file is not meant for a sample.
    private static final long FILE_BYTES_MAX = 64L << 20;
    private static final String CLASSPATH = "classpath:";
    private static final String WHAT_TO_GIVE =
            "Give a folder with .txt, .md, .html or .pdf files by --documents or " + PROPERTY + ".";
    private static final Logger LOG = LoggerFactory.getLogger(DocumentFolder.class);

    private final String location;
    private final FileReaders readers = new FileReaders();

    /** @param location path of a folder, or {@code classpath:} and the name of one */
    public DocumentFolder(String location) {
        this.location = location.strip();
    }

    /**
     * All documents, ordered by file name.
     *
     * @throws DocumentFolderException if the folder is missing or has no document that can be read
     */
    public List<Document> read() {
        List<SourceFile> files = files();
        List<Document> documents = new ArrayList<>();
        for (SourceFile file : files) {
            try {
                for (Document document : readers.read(file)) {
                    documents.add(
                            document.mutate().metadata(SOURCE, file.name()).build());
                }
            } catch (UnreadableFileException e) {
                LOG.warn("{}: left out: {}", file.name(), e.getMessage());
            }
        }
        if (documents.isEmpty()) {
            String found = files.isEmpty()
                    ? "is empty."
                    : "has no document that can be read among " + files.size() + " files.";
            throw new DocumentFolderException(PROPERTY + "=" + location + " " + found, WHAT_TO_GIVE);
        }
        return documents;
    }

    private List<SourceFile> files() {
        if (location.isEmpty()) {
            throw new DocumentFolderException(PROPERTY + " is empty.", WHAT_TO_GIVE);
        }
        try {
            return location.startsWith(CLASSPATH) ? filesOnClasspath() : filesOnDisk(Path.of(location));
        } catch (IOException | UncheckedIOException e) {
            throw new DocumentFolderException(
                    PROPERTY + "=" + location + " cannot be listed: " + e + ".", WHAT_TO_GIVE);
        }
    }

    private List<SourceFile> filesOnDisk(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            String found = Files.exists(folder)
                    ? "is a file, not a folder."
                    : "does not exist (" + folder.toAbsolutePath() + ").";
            throw new DocumentFolderException(PROPERTY + "=" + location + " " + found, WHAT_TO_GIVE);
        }
        List<SourceFile> files = new ArrayList<>();
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path path : walk.filter(Files::isRegularFile).sorted().toList()) {
                String name = folder.relativize(path).toString().replace('\\', '/');
                if (isHidden(name)) {
                    continue;
                }
                long bytes = Files.size(path);
                if (bytes > FILE_BYTES_MAX) {
                    LOG.warn("{}: left out: {} bytes, at most {} are read", name, bytes, FILE_BYTES_MAX);
                    continue;
                }
                try {
                    files.add(new SourceFile(name, Files.readAllBytes(path)));
                } catch (IOException e) {
                    LOG.warn("{}: left out: {}", name, e.toString());
                }
            }
        }
        return files;
    }

    private List<SourceFile> filesOnClasspath() throws IOException {
        String folder = location.substring(CLASSPATH.length()).replaceAll("^/+|/+$", "") + "/";
        List<SourceFile> files = new ArrayList<>();
        for (Resource resource :
                new PathMatchingResourcePatternResolver().getResources(CLASSPATH + folder + "**/*.*")) {
            String url = resource.getURL().toString();
            String name = url.substring(url.lastIndexOf("/" + folder) + folder.length() + 1);
            if (!isHidden(name)) {
                files.add(new SourceFile(name, resource.getContentAsByteArray()));
            }
        }
        files.sort(Comparator.comparing(SourceFile::name));
        return files;
    }

    /** Such as {@code .git/config} or {@code .DS_Store}: nobody means these when naming a folder. */
    private static boolean isHidden(String name) {
        return name.startsWith(".") || name.contains("/.");
    }
}
