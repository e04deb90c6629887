package io.sliminfer.benchmarks.models;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A large generated file that is kept for the next run. It appears under its name only when it is complete, so that a run that
 * was stopped half-way leaves nothing that looks usable; two runs at once write the same bytes.
 */
final class CachedFile {

    /** Left free on the disk beside the file. */
    private static final long RESERVE_BYTES = 256L << 20;

    /** Writes the whole content. */
    interface Content {
        void writeTo(FileChannel channel) throws IOException;
    }

    private CachedFile() {}

    /**
     * Writes the file unless it is there with the right size.
     *
     * @param bytes exact size of the content
     * @throws IllegalArgumentException if the disk has too little room, naming {@code --cache}
     */
    static Path write(Path file, long bytes, Content content) {
        try {
            if (Files.isRegularFile(file) && Files.size(file) == bytes) {
                return file;
            }
            Path folder = file.toAbsolutePath().getParent();
            Files.createDirectories(folder);
            long free = Files.getFileStore(folder).getUsableSpace();
            if (free < bytes + RESERVE_BYTES) {
                throw new IllegalArgumentException(
                        file + " needs " + (bytes >> 20) + " MiB and " + (RESERVE_BYTES >> 20)
                                + " MiB beside it; the disk has " + (free >> 20)
                                + " MiB free. Free some, or name another folder with --cache");
            }
            Path part = Files.createTempFile(folder, file.getFileName() + ".", ".part");
            try {
                try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
                    content.writeTo(channel);
                }
                if (Files.size(part) != bytes) {
                    throw new IllegalStateException(
                            file + " came out with " + Files.size(part) + " bytes instead of " + bytes);
                }
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(part);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(file + " could not be written: " + e.getMessage(), e);
        }
    }
}
