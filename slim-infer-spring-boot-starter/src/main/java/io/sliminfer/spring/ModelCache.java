package io.sliminfer.spring;

import io.sliminfer.backend.UserCache;
import io.sliminfer.hub.ProcessLock;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Models unpacked from jars. Each is a folder named after its content (names, sizes and CRCs of its entries), so that a changed jar
 * is unpacked anew and equal ones share a folder. A folder is written under another name and renamed when complete; a lock file lets
 * one thread of one JVM unpack while others wait. Thread-safe, and safe for several JVMs at once.
 *
 * <p>Where: the folder given; or {@code $XDG_CACHE_HOME/slim-infer}, {@code %LOCALAPPDATA%\slim-infer} or {@code ~/.cache/slim-infer};
 * or, if that cannot be written (a container without a home), {@code slim-infer-USER} in the folder for temporary files.
 */
final class ModelCache {

    private static final Logger log = LoggerFactory.getLogger(ModelCache.class);

    private final @Nullable Path configured;

    ModelCache(@Nullable Path configured) {
        this.configured = configured;
    }

    /**
     * The folder with all entries below {@code prefix}, unpacked now or earlier.
     *
     * @param prefix empty, or ends with a slash
     * @param name   what the folder's name starts with, for people
     * @throws IOException if the jar is damaged, or the folder cannot be written or has no room
     */
    @SuppressWarnings("try") // the file lock is held, not used
    Path unpack(JarFile jar, String prefix, String name) throws IOException {
        List<JarEntry> entries = Collections.list(jar.entries()).stream()
                .filter(entry -> entry.getName().startsWith(prefix) && !entry.isDirectory())
                .sorted(Comparator.comparing(JarEntry::getName))
                .toList();
        Path root = root();
        Path target = root.resolve(name + "-" + key(entries, prefix));
        Path lockFile = root.resolve(target.getFileName() + ".lock");
        try (ProcessLock ignored = ProcessLock.acquire(lockFile, "unpacking " + target)) {
            // Checked each time: cleaners of temporary folders delete single files.
            if (!isComplete(target, entries, prefix)) {
                write(jar, entries, prefix, target);
            }
        }
        return target;
    }

    private static void write(JarFile jar, List<JarEntry> entries, String prefix, Path target) throws IOException {
        long bytes = entries.stream().mapToLong(JarEntry::getSize).sum();
        long room = Files.getFileStore(target.getParent()).getUsableSpace();
        if (bytes > room) {
            throw new IOException("it needs " + bytes + " bytes, but " + target.getParent() + " has room for " + room);
        }
        log.info("Unpacking {} files ({} MiB) of {} to {}", entries.size(), bytes >> 20, jar.getName(), target);
        // The lock is ours, so whatever another JVM left half-written is nobody's.
        Path unfinished = target.resolveSibling(target.getFileName() + ".unfinished");
        delete(unfinished);
        for (JarEntry entry : entries) {
            Path file = file(unfinished, entry, prefix);
            Files.createDirectories(file.getParent());
            CRC32 crc = new CRC32();
            try (InputStream in = new CheckedInputStream(jar.getInputStream(entry), crc)) {
                Files.copy(in, file);
            }
            if (Files.size(file) != entry.getSize() || crc.getValue() != entry.getCrc()) {
                throw new IOException(
                        "entry " + entry.getName() + " of " + jar.getName() + " is damaged: its size or CRC differs");
            }
        }
        delete(target);
        Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
    }

    private static boolean isComplete(Path target, List<JarEntry> entries, String prefix) throws IOException {
        for (JarEntry entry : entries) {
            Path file = file(target, entry, prefix);
            if (!Files.isRegularFile(file) || Files.size(file) != entry.getSize()) {
                return false;
            }
        }
        return true;
    }

    private static Path file(Path folder, JarEntry entry, String prefix) throws IOException {
        Path file = folder.resolve(entry.getName().substring(prefix.length())).normalize();
        if (!file.startsWith(folder) || file.equals(folder)) {
            throw new IOException("entry " + entry.getName() + " points outside its folder");
        }
        return file;
    }

    private static String key(List<JarEntry> entries, String prefix) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
        for (JarEntry entry : entries) {
            String line =
                    entry.getName().substring(prefix.length()) + '\n' + entry.getSize() + '\n' + entry.getCrc() + '\n';
            digest.update(line.getBytes(StandardCharsets.UTF_8));
        }
        return HexFormat.of().formatHex(digest.digest(), 0, 8);
    }

    private Path root() throws IOException {
        if (configured != null) {
            return Files.createDirectories(configured.toAbsolutePath().normalize());
        }
        Path preferred = UserCache.folder();
        try {
            // A user without a home has "?" for one: not absolute.
            if (preferred.isAbsolute() && Files.isWritable(Files.createDirectories(preferred))) {
                return preferred;
            }
        } catch (IOException e) {
            log.debug("{} cannot be created", preferred, e);
        }
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"), "slim-infer-" + System.getProperty("user.name"));
        log.warn(
                "{} cannot be written: models are unpacked to {}; set slim-infer.cache-dir to choose",
                preferred,
                temporary);
        return Files.createDirectories(temporary.toAbsolutePath());
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
