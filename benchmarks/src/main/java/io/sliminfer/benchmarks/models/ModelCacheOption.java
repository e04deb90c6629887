package io.sliminfer.benchmarks.models;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** {@code --cache}: where generated models are kept. A command has it as a mixin. */
public final class ModelCacheOption {

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description = "Folder of generated models; slim-infer-models in the system's temporary folder by default.")
    private Path folder = Path.of(System.getProperty("java.io.tmpdir"), "slim-infer-models");

    public Path folder() {
        return folder;
    }
}
