package io.sliminfer.samples.rag.ingest;

import java.util.Locale;
import org.springframework.core.io.ByteArrayResource;

/**
 * One file of the folder, in memory.
 *
 * @param name    path below the folder, with forward slashes; what a user sees as the source
 * @param content the file's bytes, not to be changed
 */
record SourceFile(String name, byte[] content) {

    /** In lower case, without the dot; empty if there is none. */
    String extension() {
        String last = name.substring(name.lastIndexOf('/') + 1);
        int dot = last.lastIndexOf('.');
        return dot < 0 ? "" : last.substring(dot + 1).toLowerCase(Locale.ROOT);
    }

    /** As Spring AI's readers take it; they ask for the file's name. */
    ByteArrayResource resource() {
        return new ByteArrayResource(content, name) {
            @Override
            public String getFilename() {
                return name;
            }
        };
    }
}
