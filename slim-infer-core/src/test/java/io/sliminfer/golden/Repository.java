package io.sliminfer.golden;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the root of the repository, which holds data that tests of several modules share. */
public final class Repository {

    private Repository() {}

    /** From the build's {@code repository.root}, or, started from an IDE, the folder above that holds the modules. */
    public static Path root() {
        String property = System.getProperty("repository.root");
        if (property != null && !property.isBlank()) {
            return Path.of(property);
        }
        Path start = Path.of("").toAbsolutePath();
        for (Path folder = start; folder != null; folder = folder.getParent()) {
            if (Files.isDirectory(folder.resolve("slim-infer-core")) && Files.isDirectory(folder.resolve("samples"))) {
                return folder;
            }
        }
        throw new IllegalStateException("the repository's root is not above " + start + "; set -Drepository.root");
    }
}
