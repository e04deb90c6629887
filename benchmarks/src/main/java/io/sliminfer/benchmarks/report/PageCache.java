package io.sliminfer.benchmarks.report;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Linux' cache of files: a cold start is measured with the model's files dropped from it. */
public final class PageCache {

    // Of fcntl.h.
    private static final int READ_ONLY = 0;
    private static final int WILL_NOT_NEED = 4;

    private static final long WHOLE_FILE = 0;

    private PageCache() {}

    /** The regular files that a model consists of: itself, or those in its folder. */
    public static List<Path> filesOf(Path model) {
        if (Files.isRegularFile(model)) {
            return List.of(model);
        }
        try (Stream<Path> files = Files.list(model)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(model + " cannot be listed: " + e.getMessage(), e);
        }
    }

    /** The regular files in a folder and all below it; none if it does not exist. */
    public static List<Path> filesBelow(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be listed: " + e.getMessage(), e);
        }
    }

    /** Whether this system has a page cache that files can be dropped from. */
    public static boolean canDrop() {
        return Platform.isLinux();
    }

    /**
     * Lets the kernel forget a file's pages. What is dirty is written first, because only clean pages are dropped; pages that some
     * process has mapped and touched stay.
     *
     * @throws UncheckedIOException if the system refuses
     */
    public static void drop(Path file) {
        NativeLibrary libc = NativeLibrary.getProcess();
        int descriptor = libc.getFunction("open").invokeInt(new Object[] {file.toString(), READ_ONLY});
        if (descriptor < 0) {
            throw new UncheckedIOException(new IOException(file + " cannot be opened to drop it from the page cache"));
        }
        try {
            int sync = libc.getFunction("fsync").invokeInt(new Object[] {descriptor});
            int advise = libc.getFunction("posix_fadvise")
                    .invokeInt(new Object[] {descriptor, 0L, WHOLE_FILE, WILL_NOT_NEED});
            if (sync != 0 || advise != 0) {
                throw new UncheckedIOException(new IOException(file
                        + " cannot be dropped from the page cache: fsync gave " + sync + ", posix_fadvise " + advise));
            }
        } finally {
            libc.getFunction("close").invokeInt(new Object[] {descriptor});
        }
    }
}
