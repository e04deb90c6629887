package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@link ModelFolder#identity}: the same for the same weights wherever they are, another for others. */
class ModelIdentityTests {

    @TempDir
    private Path temp;

    private static String identity(Path model) {
        try (ModelFolder folder = ModelFolder.open(model)) {
            return folder.identity();
        }
    }

    private Path model(String name) {
        return SmallModels.llama().write(temp.resolve(name));
    }

    @Test
    void isThatOfTheFilesAndNotOfTheirFolder() throws IOException {
        Path one = model("one");
        Path two = temp.resolve("two");
        Files.createDirectory(two);
        for (String file : new String[] {"config.json", "model.safetensors"}) {
            Files.copy(one.resolve(file), two.resolve(file), StandardCopyOption.COPY_ATTRIBUTES);
        }

        assertThat(identity(one)).matches("[0-9a-f]{32}").isEqualTo(identity(two));
    }

    @Test
    void changesWithTheFilesContentsAndTime() throws IOException {
        Path file = model("one").resolve("model.safetensors");
        FileTime time = Files.getLastModifiedTime(file);
        String before = identity(file.getParent());
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
        Files.setLastModifiedTime(file, time);
        String changed = identity(file.getParent());
        Files.setLastModifiedTime(file, FileTime.fromMillis(time.toMillis() + 1000));

        assertThat(changed).isNotEqualTo(before);
        assertThat(identity(file.getParent())).isNotEqualTo(changed);
    }

    @Test
    void ofAGgufFileIsThatOfItsBytes() throws IOException {
        Path folder = model("one");
        Path file = GgufExport.write(folder, "F32", temp.resolve("a.gguf"));
        String before = identity(file);
        FileTime time = Files.getLastModifiedTime(file);
        Files.setLastModifiedTime(file, FileTime.fromMillis(time.toMillis() + 1000));

        assertThat(before).isNotEqualTo(identity(folder)).isNotEqualTo(identity(file));
    }

    @Test
    void ofRandomWeightsIsSeedTypeAndShapes() {
        ModelConfig config;
        Path model = SmallModels.llama().config("intermediate_size", "64").write(temp.resolve("one"));
        try (ModelFolder folder = ModelFolder.open(model)) {
            config = folder.config();
        }
        String identity = ModelFolder.random("a", config, 1).identity();

        assertThat(ModelFolder.random("b", config, 1).identity()).isEqualTo(identity);
        assertThat(ModelFolder.random("a", config, 2).identity()).isNotEqualTo(identity);
        assertThat(ModelFolder.random("a", config, 1, GgufType.Q8_0).identity()).isNotEqualTo(identity);
    }
}
