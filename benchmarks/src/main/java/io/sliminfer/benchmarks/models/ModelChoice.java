package io.sliminfer.benchmarks.models;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The model that {@code --model} names, before any weight of it is written or read.
 *
 * @param synthetic shape to write, or null for an existing folder
 * @param folder    existing folder, or null for a synthetic model
 */
public record ModelChoice(
        String name, int layers, int maxPositions, @Nullable SyntheticModel synthetic, @Nullable Path folder) {

    /**
     * @throws IllegalArgumentException if there is no such synthetic model
     * @throws io.sliminfer.format.ModelFormatException if the folder is missing or holds no model that the engine reads
     */
    public static ModelChoice of(String text) {
        if (text.startsWith(SyntheticModel.PREFIX)) {
            SyntheticModel shape = SyntheticModel.shape(text.substring(SyntheticModel.PREFIX.length()));
            return new ModelChoice("synthetic-" + shape.name(), shape.layers(), shape.maxPositions(), shape, null);
        }
        try (ModelFolder opened = ModelFolder.open(Path.of(text))) {
            ModelConfig config = opened.config();
            return new ModelChoice(opened.name(), config.layers(), config.maxPositions(), null, opened.path());
        }
    }

    /** Opens the folder; a synthetic model is written below {@code cache} first if it is not there. */
    public ModelFolder open(Path cache) {
        if (synthetic != null) {
            return ModelFolder.open(synthetic.folder(cache));
        }
        if (folder == null) {
            throw new IllegalStateException(name + " has neither a shape nor a folder");
        }
        return ModelFolder.open(folder);
    }
}
