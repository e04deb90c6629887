package io.sliminfer.benchmarks.quality;

import io.sliminfer.spring.ModelLocation;
import java.nio.file.Path;

/** The bundled model's folder, unpacked if it comes in a jar. */
public final class TinyModel {

    private TinyModel() {}

    public static Path folder() {
        return new ModelLocation(TinyModel.class.getClassLoader(), Path.of("target", "models"))
                .resolve("classpath:slim-infer-tiny");
    }
}
