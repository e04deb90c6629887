package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sliminfer.hub.HubSettings;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.loader.net.protocol.Handlers;

class ModelLocationTests {

    private static final Map<String, String> MODEL = Map.of(
            "tiny/config.json", "{}", "tiny/model.safetensors", "weights".repeat(1000), "tiny/extra/notes.txt", "n");

    @TempDir
    private Path temporary;

    @Test
    void findsAFolder() throws IOException {
        Path folder = modelFolder("model");
        ModelLocation location = location(getClass().getClassLoader());

        assertThat(location.resolve(folder.toString())).isEqualTo(folder);
        assertThat(location.resolve(" " + folder + " ")).isEqualTo(folder);
        assertThat(location.resolve(folder.toUri().toString())).isEqualTo(folder);
        assertThat(location.resolve("file:" + folder)).isEqualTo(folder);
    }

    @Test
    void findsAGgufFile() throws IOException {
        Path file = Files.writeString(temporary.resolve("Tiny-Q4_K_M.GGUF"), "x");

        assertThat(location(getClass().getClassLoader()).resolve(file.toString()))
                .isEqualTo(file);
        assertThat(location(getClass().getClassLoader()).resolve(file.toUri().toString()))
                .isEqualTo(file);
    }

    @Test
    void findsAFolderWithASpaceInItsName() throws IOException {
        Path folder = modelFolder("my model");

        assertThat(location(getClass().getClassLoader()).resolve("file:" + folder))
                .isEqualTo(folder);
        assertThat(location(getClass().getClassLoader()).resolve("file://" + folder))
                .isEqualTo(folder);
        assertThat(location(getClass().getClassLoader()).resolve(folder.toUri().toString()))
                .isEqualTo(folder);
    }

    @Test
    void findsAFolderRelativeToTheWorkingDirectory() throws IOException {
        Path working = Path.of("").toAbsolutePath();
        Path folder = Files.createTempDirectory(Files.createDirectories(working.resolve("target")), "model");
        Files.writeString(folder.resolve("config.json"), "{}");

        assertThat(location(getClass().getClassLoader()).resolve("file:target/" + folder.getFileName()))
                .isEqualTo(folder);
        assertThat(location(getClass().getClassLoader()).resolve("./target/" + folder.getFileName()))
                .isEqualTo(folder);
    }

    @Test
    void saysWhatIsWrongWithAPath() throws IOException {
        ModelLocation location = location(getClass().getClassLoader());
        Path file = Files.writeString(temporary.resolve("model.bin"), "x");

        assertRefused(() -> location.resolve("  ")).withMessageContaining("slim-infer.model is empty");
        assertRefused(() -> location.resolve(temporary + "/absent"))
                .withMessageContaining("slim-infer.model=" + temporary + "/absent")
                .withMessageContaining("does not exist")
                .withMessageContaining(
                        "Use the path of a folder or of a GGUF file, a file: URL of one, classpath:FOLDER, or hf:OWNER/NAME.");
        assertRefused(() -> location.resolve(file.toString()))
                .withMessageContaining("is a file")
                .withMessageContaining("Give the folder that holds config.json");
        assertRefused(() -> location.resolve(temporary.toString()))
                .withMessageContaining("has no config.json; it holds model.bin");
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://example.org/model", "s3:bucket", "classpath*:tiny"})
    void refusesOtherForms(String text) {
        assertRefused(() -> location(getClass().getClassLoader()).resolve(text))
                .withMessageContaining("slim-infer.model=" + text)
                .withMessageContaining(
                        "Use the path of a folder or of a GGUF file, a file: URL of one, classpath:FOLDER, or hf:OWNER/NAME.");
    }

    @Test
    void usesAClasspathFolderOnDiskInPlace() throws IOException {
        Path folder = modelFolder("classes/tiny");
        try (URLClassLoader loader = loader(folder.getParent().toUri().toURL())) {
            assertThat(location(loader).resolve("classpath:tiny")).isEqualTo(folder);
            assertThat(location(loader).resolve("classpath:/tiny/")).isEqualTo(folder);
        }
        assertThat(cache()).doesNotExist();
    }

    @Test
    void saysThatAClasspathFolderIsMissing() {
        assertRefused(() -> location(getClass().getClassLoader()).resolve("classpath:absent"))
                .withMessageContaining("there is no absent/config.json on the classpath")
                .withMessageContaining("Add the artifact");
    }

    @Test
    void unpacksAJarOnce() throws IOException {
        Path jar = jar("a.jar", MODEL);
        try (URLClassLoader loader = loader(jar.toUri().toURL())) {
            Path folder = location(loader).resolve("classpath:tiny");

            assertThat(folder.getParent()).isEqualTo(cache());
            assertThat(folder.getFileName().toString()).startsWith("tiny-");
            assertHolds(folder, MODEL);
            FileTime longAgo = FileTime.fromMillis(0);
            Files.setLastModifiedTime(folder.resolve("config.json"), longAgo);
            assertThat(location(loader).resolve("classpath:tiny")).isEqualTo(folder);
            assertThat(Files.getLastModifiedTime(folder.resolve("config.json"))).isEqualTo(longAgo);
            assertOnlyFinishedFolders();
        }
    }

    @Test
    void unpacksAChangedJarAnew() throws IOException {
        Map<String, String> changed = new LinkedHashMap<>(MODEL);
        changed.put("tiny/model.safetensors", "weightz".repeat(1000));
        try (URLClassLoader before = loader(jar("a.jar", MODEL).toUri().toURL());
                URLClassLoader after = loader(jar("b.jar", changed).toUri().toURL())) {
            Path first = location(before).resolve("classpath:tiny");
            Path second = location(after).resolve("classpath:tiny");

            assertThat(second).isNotEqualTo(first);
            assertHolds(first, MODEL);
            assertHolds(second, changed);
        }
    }

    @Test
    void repairsAFolderThatLostAFileAndClearsWhatWasLeftHalfWritten() throws IOException {
        try (URLClassLoader loader = loader(jar("a.jar", MODEL).toUri().toURL())) {
            Path folder = location(loader).resolve("classpath:tiny");
            Files.delete(folder.resolve("model.safetensors"));
            Path unfinished = folder.resolveSibling(folder.getFileName() + ".unfinished");
            Files.writeString(Files.createDirectory(unfinished).resolve("config.json"), "half");

            assertThat(location(loader).resolve("classpath:tiny")).isEqualTo(folder);
            assertHolds(folder, MODEL);
            assertOnlyFinishedFolders();
        }
    }

    @Test
    void refusesEntriesThatPointOutside() throws IOException {
        Path jar = jar("evil.jar", Map.of("tiny/config.json", "{}", "tiny/../../evil.txt", "x"));
        try (URLClassLoader loader = loader(jar.toUri().toURL())) {
            assertRefused(() -> location(loader).resolve("classpath:tiny"))
                    .withMessageContaining("points outside its folder");
        }
        assertThat(temporary.resolve("evil.txt")).doesNotExist();
        assertThat(cache().resolve("evil.txt")).doesNotExist();
    }

    @Test
    void saysWhyAJarCannotBeUnpacked() throws IOException {
        Path file = Files.writeString(temporary.resolve("file"), "x");
        try (URLClassLoader loader = loader(jar("a.jar", MODEL).toUri().toURL())) {
            assertRefused(() -> new ModelLocation(loader, file).resolve("classpath:tiny"))
                    .withMessageContaining("cannot be unpacked")
                    .withMessageContaining("slim-infer.cache-dir");
        }
    }

    @Test
    void unpacksAJarInsideABootJar() throws IOException {
        Handlers.register();
        Path inner = jar("inner.jar", MODEL);
        Path boot = temporary.resolve("app.jar");
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(boot))) {
            stored(out, "BOOT-INF/lib/inner.jar", Files.readAllBytes(inner));
            out.putNextEntry(new ZipEntry("BOOT-INF/classes/"));
            for (Map.Entry<String, String> entry : MODEL.entrySet()) {
                out.putNextEntry(new ZipEntry("BOOT-INF/classes/own/" + entry.getKey()));
                out.write(entry.getValue().getBytes(StandardCharsets.UTF_8));
            }
        }
        try (URLClassLoader loader = loader(
                new URL("jar:nested:" + boot + "/!BOOT-INF/lib/inner.jar!/"),
                new URL("jar:nested:" + boot + "/!BOOT-INF/classes/!/"))) {
            assertHolds(location(loader).resolve("classpath:tiny"), MODEL);
            assertHolds(location(loader).resolve("classpath:own/tiny"), MODEL);
        }
    }

    @Test
    void threadsMayRace() throws Exception {
        int threads = 8;
        CyclicBarrier start = new CyclicBarrier(threads);
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try (URLClassLoader loader = loader(jar("a.jar", MODEL).toUri().toURL())) {
            List<Callable<Path>> racers = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                racers.add(() -> {
                    start.await();
                    return location(loader).resolve("classpath:tiny");
                });
            }
            List<Path> folders = new ArrayList<>();
            for (Future<Path> racer : executor.invokeAll(racers)) {
                folders.add(racer.get());
            }
            assertThat(folders).hasSize(threads).containsOnly(folders.get(0));
            assertHolds(folders.get(0), MODEL);
            assertOnlyFinishedFolders();
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void processesMayRace() throws Exception {
        Path jar = jar("a.jar", MODEL);
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            processes.add(new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx64m",
                            "-cp",
                            jar + System.getProperty("path.separator") + System.getProperty("java.class.path"),
                            Racer.class.getName(),
                            cache().toString())
                    .redirectErrorStream(true)
                    .start());
        }
        List<String> outputs = new ArrayList<>();
        for (Process process : processes) {
            outputs.add(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }

        Path folder = location(loader(jar.toUri().toURL())).resolve("classpath:tiny");
        assertThat(outputs).allSatisfy(output -> assertThat(output).contains("folder=" + folder));
        assertHolds(folder, MODEL);
        assertOnlyFinishedFolders();
    }

    /** Another JVM that wants the same model. */
    static final class Racer {
        public static void main(String[] arguments) {
            Path folder =
                    new ModelLocation(Racer.class.getClassLoader(), Path.of(arguments[0])).resolve("classpath:tiny");
            System.out.println("folder=" + folder);
        }
    }

    @Test
    void takesAModelOfTheHubFromItsCache() throws IOException {
        String commit = "0123456789abcdef0123456789abcdef01234567";
        Path snapshot = modelFolder("hub/models--acme--tiny/snapshots/" + commit);
        Files.writeString(snapshot.resolve("tokenizer.json"), "{}");
        Files.writeString(snapshot.resolve("model.safetensors"), "x");

        assertThat(offline().resolve("hf:acme/tiny@" + commit)).isEqualTo(snapshot);
    }

    @Test
    void saysWhatIsWrongWithAModelOfTheHub() {
        assertRefused(() -> offline().resolve("hf:tiny"))
                .withMessage("slim-infer.model=hf:tiny: 'tiny' is not the name of a model on the hub."
                        + " Use hf:OWNER/NAME, hf:OWNER/NAME@REVISION or hf:OWNER/NAME/FILE.gguf, such as hf:Qwen/Qwen3-0.6B@main;"
                        + " a revision is a branch, a tag or a commit.");
        assertRefused(() -> offline().resolve("hf:acme/tiny"))
                .withMessageStartingWith("slim-infer.model=hf:acme/tiny: acme/tiny@main is not in the cache ")
                .satisfies(e -> assertThat(e.action()).startsWith("Download it once"));
    }

    private ModelLocation offline() {
        return new ModelLocation(
                getClass().getClassLoader(),
                cache(),
                () -> HubSettings.of("http://127.0.0.1:1", "", temporary.resolve("hub"), true));
    }

    private static ThrowableAssertAlternative<ModelLocationException> assertRefused(ThrowingCallable resolve) {
        return assertThatExceptionOfType(ModelLocationException.class).isThrownBy(resolve);
    }

    private Path cache() {
        return temporary.resolve("cache");
    }

    private ModelLocation location(ClassLoader loader) {
        return new ModelLocation(loader, cache());
    }

    private static URLClassLoader loader(URL... urls) {
        return new URLClassLoader(urls, null);
    }

    private Path modelFolder(String name) throws IOException {
        Path folder = Files.createDirectories(temporary.resolve(name));
        Files.writeString(folder.resolve("config.json"), "{}");
        return folder;
    }

    private Path jar(String name, Map<String, String> entries) throws IOException {
        Path jar = temporary.resolve(name);
        try (OutputStream file = Files.newOutputStream(jar);
                ZipOutputStream out = new ZipOutputStream(file)) {
            for (Map.Entry<String, String> entry : entries.entrySet()) {
                out.putNextEntry(new ZipEntry(entry.getKey()));
                out.write(entry.getValue().getBytes(StandardCharsets.UTF_8));
                out.closeEntry();
            }
        }
        return jar;
    }

    private static void stored(ZipOutputStream out, String name, byte[] bytes) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        out.putNextEntry(entry);
        out.write(bytes);
        out.closeEntry();
    }

    private static void assertHolds(Path folder, Map<String, String> entries) throws IOException {
        for (Map.Entry<String, String> entry : entries.entrySet()) {
            String name = entry.getKey().substring("tiny/".length());
            assertThat(folder.resolve(name)).hasContent(Objects.requireNonNull(entry.getValue()));
        }
    }

    private void assertOnlyFinishedFolders() throws IOException {
        try (Stream<Path> children = Files.list(cache())) {
            assertThat(children.filter(Files::isDirectory)).hasSize(1);
        }
    }
}
