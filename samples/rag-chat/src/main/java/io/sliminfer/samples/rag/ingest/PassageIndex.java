package io.sliminfer.samples.rag.ingest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.ai.document.Document;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.vectorstore.SimpleVectorStore;
import org.springframework.ai.vectorstore.VectorStore;

/**
 * Embeds passages into a {@link SimpleVectorStore}, or loads them if the same passages were embedded before. A stored index is named by
 * the hash of its passages, so a changed document or splitter never meets old vectors.
 */
public final class PassageIndex {

    private static final Logger LOG = LoggerFactory.getLogger(PassageIndex.class);

    private final EmbeddingModel embeddingModel;
    private final @Nullable Path folder;

    /** @param folder where indexes are kept, or null for nowhere */
    public PassageIndex(EmbeddingModel embeddingModel, @Nullable Path folder) {
        this.embeddingModel = embeddingModel;
        this.folder = folder;
    }

    /** A store with all passages. */
    public VectorStore of(List<Document> passages) {
        SimpleVectorStore store = SimpleVectorStore.builder(embeddingModel).build();
        if (folder == null) {
            store.add(passages);
            return store;
        }
        Path file = folder.resolve("passages-" + hash(passages) + ".json");
        if (!load(store, file)) {
            store.add(passages);
            save(store, file);
        }
        return store;
    }

    private static boolean load(SimpleVectorStore store, Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try {
            store.load(file.toFile());
            return true;
        } catch (RuntimeException e) {
            LOG.warn("{} cannot be read and is made anew: {}", file, e.toString());
            return false;
        }
    }

    /** Written beside and renamed, so that no reader meets half a file. A folder that cannot be written costs time, not the answer. */
    private static void save(SimpleVectorStore store, Path file) {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            store.save(part.toFile());
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException | RuntimeException e) {
            LOG.warn("The index is not kept, rag.index-folder cannot be written: {}", e.toString());
        }
    }

    private String hash(List<Document> passages) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
        update(digest, embeddingModel.getClass().getName());
        for (Document passage : passages) {
            update(digest, String.valueOf(passage.getMetadata().get(DocumentFolder.SOURCE)));
            update(digest, String.valueOf(passage.getText()));
        }
        return HexFormat.of().formatHex(digest.digest(), 0, 16);
    }

    /** With a zero byte behind it, so that two texts in a row are not the same as one. */
    private static void update(MessageDigest digest, String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
    }
}
