package io.sliminfer.backend.cpu;

import io.sliminfer.format.MappedFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The packed weights of one model in a folder, a file for each ({@link Int8CacheFile}): what an earlier start has made is mapped instead of
 * being made again. A file gets its name when it is complete and on the disk, so several processes may fill a folder at once; one that
 * does not fit is replaced, and whoever has it mapped keeps what it had. Nothing that goes wrong here stops a start. Engine thread.
 */
final class Int8Cache {

    private static final Logger log = LoggerFactory.getLogger(Int8Cache.class);

    private static final String SUFFIX = ".int8";
    private static final String UNFINISHED = ".tmp";

    /** An unfinished file is written to all the time, for seconds; one that was not for so long is of a process that is gone. */
    private static final Duration ABANDONED = Duration.ofHours(1);

    private final Path folder;
    /** A start that replaces one file replaces most: one line at INFO is enough. */
    private boolean replaced;

    private boolean failed;

    /**
     * @param folder the model's own, named by its key; it need not exist
     */
    Int8Cache(Path folder) {
        this.folder = folder;
        deleteAbandoned();
    }

    private void deleteAbandoned() {
        if (!Files.isDirectory(folder)) {
            return;
        }
        Instant limit = Instant.now().minus(ABANDONED);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*" + UNFINISHED)) {
            for (Path file : files) {
                if (Files.getLastModifiedTime(file).toInstant().isBefore(limit)) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException | UncheckedIOException e) { // read-only, or another process was faster
            log.debug("Unfinished files of {} stay", folder, e);
        }
    }

    private Path file(Int8Plan plan) {
        // A name that comes out the same as another's is told apart by the description in the file.
        return folder.resolve(plan.spec().name().replaceAll("[^A-Za-z0-9._-]", "_") + SUFFIX);
    }

    private Int8CacheFile form(Int8Plan plan) {
        return new Int8CacheFile(folder.getFileName().toString(), plan);
    }

    /**
     * What an earlier start has made of the weight, or null.
     *
     * @param memory owns what is copied from the file
     */
    @Nullable
    Int8Panels find(Int8Plan plan, Int8Packer.Memory memory) {
        Path path = file(plan);
        if (!Files.exists(path)) {
            return null;
        }
        String reason = "it is damaged, or was made with other settings or another version";
        if (Files.isRegularFile(path)) {
            // Closing gives the descriptor back; what is mapped stays so as long as somebody holds it.
            try (MappedFile file = MappedFile.open(path)) {
                Int8Panels found = form(plan).read(file, memory);
                if (found != null) {
                    return found;
                }
            } catch (IOException | UncheckedIOException e) {
                reason = e.toString();
            }
        }
        log.atLevel(replaced ? Level.DEBUG : Level.INFO)
                .log("slim-infer.weight-cache: {} is not used and made anew: {}", path, reason);
        replaced = true;
        return null;
    }

    /** Keeps it for later starts. After one failure, which is logged, nothing more is tried. */
    void store(Int8Plan plan, Int8Panels made) {
        if (failed) {
            return;
        }
        Path path = file(plan);
        Path unfinished = path.resolveSibling(path.getFileName() + "-" + UUID.randomUUID() + UNFINISHED);
        try {
            Files.createDirectories(folder);
            try (FileChannel channel =
                    FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                form(plan).write(channel, made);
                // A name must not reach the disk before the bytes do: a file of the right size could be full of zeros.
                channel.force(true);
            }
            Files.move(unfinished, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException | UncheckedIOException e) {
            failed = true;
            log.warn(
                    "slim-infer.weight-cache: {} could not be written, so weights are packed again at the next start: {}",
                    path,
                    e.toString());
            delete(unfinished);
        }
    }

    private static void delete(Path unfinished) {
        try {
            Files.deleteIfExists(unfinished);
        } catch (IOException e) {
            log.debug("{} stays until it is old", unfinished, e);
        }
    }
}
