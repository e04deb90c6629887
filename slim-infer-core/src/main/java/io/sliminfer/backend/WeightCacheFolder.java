package io.sliminfer.backend;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** The folder of {@code slim-infer.weight-cache}, in which each model has a folder of its own. Any thread. */
public final class WeightCacheFolder {

    private WeightCacheFolder() {}

    /**
     * The folder, if it can be used: it is there or can be made, and can be written. One that is read-only will do where something is in it:
     * it was filled elsewhere. Nothing is made.
     *
     * @throws IllegalArgumentException saying what is wrong and what to do, without the property's name
     */
    public static Path checked(Path folder) {
        if (Files.isDirectory(folder)) {
            if (!Files.isWritable(folder) && isEmpty(folder)) {
                throw new IllegalArgumentException(
                        "the folder is empty and cannot be written by this process: change its permissions, or name another folder");
            }
            return folder;
        }
        if (Files.exists(folder)) {
            throw new IllegalArgumentException("it is a file: name a folder");
        }
        Path parent = folder.toAbsolutePath().normalize().getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new IllegalArgumentException(
                    "its parent is no folder, so it cannot be made: make that first, or name another folder");
        }
        if (!Files.isWritable(parent)) {
            throw new IllegalArgumentException(
                    "it does not exist, and its parent cannot be written by this process: make it, or name another folder");
        }
        return folder;
    }

    private static boolean isEmpty(Path folder) {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            return !entries.iterator().hasNext();
        } catch (IOException e) {
            return true; // it cannot be read either
        }
    }
}
