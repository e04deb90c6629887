package io.sliminfer.hub;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The folder of one model in the cache, as huggingface_hub lays it out: {@code blobs/ETAG} holds contents, {@code
 * snapshots/COMMIT/FILE} are relative links to them, {@code refs/REVISION} holds the commit of a branch or tag. Where links cannot be
 * made (Windows without developer mode) the content lies in the snapshot itself.
 */
final class HubCache {

    /** Makes a symbolic link to a relative target, or throws. */
    @FunctionalInterface
    interface Linker {
        void link(Path link, Path target) throws IOException;
    }

    private final Path folder;
    private final Path locks;
    private final Linker linker;

    HubCache(Path cache, HubModel model, Linker linker) {
        this.linker = linker;
        String name = "models--" + model.owner() + "--" + model.name();
        this.folder = cache.resolve(name);
        this.locks = cache.resolve(".locks").resolve(name);
    }

    Path folder() {
        return folder;
    }

    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    Path blob(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.etag());
    }

    /**
     * Where a download grows, to be continued after a break. Other tools use other names, so that nobody else writes to it even where
     * their lock and ours do not see each other (flock and fcntl do not).
     */
    Path partial(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.etag() + ".slim-infer.incomplete");
    }

    Path lock(RemoteFile file) {
        return locks.resolve(file.etag() + ".lock");
    }

    /** The commit that a revision had when it was last downloaded, by any tool. */
    @Nullable
    String commit(String revision) throws IOException {
        if (HubModel.isCommit(revision)) {
            return revision;
        }
        Path ref = folder.resolve("refs").resolve(revision);
        if (!Files.isRegularFile(ref)) {
            return null;
        }
        String commit = Files.readString(ref, StandardCharsets.UTF_8).strip();
        return HubModel.isCommit(commit) ? commit : null;
    }

    void setCommit(String revision, String commit) throws IOException {
        if (commit.equals(commit(revision))) {
            return; // also where the cache is read-only
        }
        Path ref = folder.resolve("refs").resolve(revision);
        Files.createDirectories(ref.getParent());
        Path written = ref.resolveSibling(ref.getFileName() + "." + UUID.randomUUID() + ".tmp");
        Files.writeString(written, commit);
        Files.move(written, ref, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Whether a snapshot has a file, by its size; contents were checked when they came. */
    boolean has(String commit, RemoteFile file) throws IOException {
        Path path = snapshot(commit).resolve(file.name());
        return Files.isRegularFile(path) && Files.size(path) == file.bytes();
    }

    boolean hasBlob(RemoteFile file) throws IOException {
        return Files.isRegularFile(blob(file)) && Files.size(blob(file)) == file.bytes();
    }

    /** Makes a blob a file of a snapshot. */
    void link(String commit, RemoteFile file) throws IOException {
        Path path = snapshot(commit).resolve(file.name());
        Files.createDirectories(path.getParent());
        Files.deleteIfExists(path);
        try {
            linker.link(path, path.getParent().relativize(blob(file)));
        } catch (UnsupportedOperationException | FileSystemException e) {
            if (Files.isRegularFile(path)) {
                return; // another process was faster
            }
            Files.move(blob(file), path, StandardCopyOption.ATOMIC_MOVE);
        }
    }
}
