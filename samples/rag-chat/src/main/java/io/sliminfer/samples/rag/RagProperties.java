package io.sliminfer.samples.rag;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What this application adds to the properties of the starter.
 *
 * @param documents         Folder whose documents are read: a path, or a classpath: location.
 * @param topK              Passages that are put before the model. Sets the length of the prompt.
 * @param passageCharacters Length that a passage should have; a sentence is never cut to reach it.
 * @param examples          Questions that the page offers to begin with.
 * @param indexFolder       Where embedded passages are kept, so that the next start need not embed them again. By default nowhere.
 */
@ConfigurationProperties(prefix = "rag", ignoreUnknownFields = false)
public record RagProperties(
        @DefaultValue("classpath:documents") String documents,
        @DefaultValue("48") int topK,
        @DefaultValue("700") int passageCharacters,
        @DefaultValue List<String> examples,
        @Nullable Path indexFolder) {

    public RagProperties {
        if (topK < 1) {
            throw new IllegalArgumentException("rag.top-k=" + topK + ": at least one passage is needed.");
        }
        if (passageCharacters < 100) {
            throw new IllegalArgumentException("rag.passage-characters=" + passageCharacters
                    + ": passages shorter than 100 characters are single sentences without anything to find them by.");
        }
    }
}
