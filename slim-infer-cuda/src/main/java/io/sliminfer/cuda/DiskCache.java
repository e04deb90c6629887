package io.sliminfer.cuda;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files that can be made again, shared by any number of processes. A file appears whole or not at all (it is moved into place), and
 * is used only if its length and SHA-256 are those it says. Where the folder cannot be written there is one warning and no cache.
 * Thread-safe.
 */
final class DiskCache {

    private static final long MAGIC = 0x534c494d43414331L; // "SLIMCAC1"
    private static final int HASH_BYTES = 32;
    private static final int HEADER_BYTES = 2 * Long.BYTES + HASH_BYTES;

    private static final Logger log = LoggerFactory.getLogger(DiskCache.class);

    private final Path folder;
    private final String what;
    private boolean warned;

    /**
     * @param folder made when it is needed
     * @param what   what is in it, for the warning
     */
    DiskCache(Path folder, String what) {
        this.folder = folder;
        this.what = what;
    }

    /** The content, or null if there is none or it is damaged. */
    byte @Nullable [] read(String name) {
        byte[] file;
        try {
            file = Files.readAllBytes(folder.resolve(name));
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            warn("cannot be read", e);
            return null;
        }
        byte[] content = unwrap(file);
        if (content == null) {
            log.warn("{} is damaged and will be made again", folder.resolve(name));
        }
        return content;
    }

    private static byte @Nullable [] unwrap(byte[] file) {
        if (file.length < HEADER_BYTES) {
            return null;
        }
        ByteBuffer header = ByteBuffer.wrap(file);
        if (header.getLong() != MAGIC || header.getLong() != file.length - HEADER_BYTES) {
            return null;
        }
        byte[] hash = new byte[HASH_BYTES];
        header.get(hash);
        byte[] content = Arrays.copyOfRange(file, HEADER_BYTES, file.length);
        return MessageDigest.isEqual(hash, sha256().digest(content)) ? content : null;
    }

    /** Replaces the content for all readers at once. */
    void write(String name, byte[] content) {
        Path temporary = null;
        try {
            Files.createDirectories(folder);
            temporary = Files.createTempFile(folder, name, ".tmp");
            ByteBuffer file = ByteBuffer.allocate(HEADER_BYTES + content.length);
            file.putLong(MAGIC)
                    .putLong(content.length)
                    .put(sha256().digest(content))
                    .put(content);
            Files.write(temporary, file.array());
            Files.move(
                    temporary,
                    folder.resolve(name),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            warn("cannot be written", e);
            deleteQuietly(temporary);
        }
    }

    private static void deleteQuietly(@Nullable Path file) {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                log.debug("{} stays behind", file, e);
            }
        }
    }

    private synchronized void warn(String problem, IOException e) {
        if (!warned) {
            warned = true;
            log.warn("{} {}, so {} are made again at each start: {}", folder, problem, what, e.toString());
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
