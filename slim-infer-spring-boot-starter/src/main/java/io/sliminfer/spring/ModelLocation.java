package io.sliminfer.spring;

import io.sliminfer.format.ModelFolder;
import io.sliminfer.hub.HubException;
import io.sliminfer.hub.HubModel;
import io.sliminfer.hub.HubSettings;
import io.sliminfer.hub.ModelHub;
import java.io.File;
import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds the folder or GGUF file that {@code slim-infer.model} means: its path ({@code ~/} is the home folder), a {@code file:} URL, a
 * {@code classpath:} location, or {@code hf:owner/name[@revision]}. The engine maps files into memory, so a model inside a jar is
 * unpacked once, see {@link ModelCache}, and one of the hub is downloaded once, see {@link ModelHub}. Thread-safe.
 */
public final class ModelLocation {

    static final String PROPERTY = "slim-infer.model";
    static final String FORMS =
            "Use the path of a folder or of a GGUF file, a file: URL of one, classpath:FOLDER, or hf:OWNER/NAME.";

    private static final String MODEL_FILE = "config.json";
    // Two letters at least: C:\models is a path.
    private static final Pattern SCHEME = Pattern.compile("([a-zA-Z][a-zA-Z0-9+.*-]+):(.*)");

    private final ClassLoader classLoader;
    private final ModelCache cache;
    private final Supplier<HubSettings> hub;

    /**
     * @param classLoader where {@code classpath:} locations are looked up
     * @param cacheFolder where models inside jars are unpacked, or null for a folder of the user's, see {@link ModelCache}
     */
    public ModelLocation(ClassLoader classLoader, @Nullable Path cacheFolder) {
        this(classLoader, cacheFolder, () -> HubSettings.of(null, null, null, null));
    }

    /**
     * @param hub where {@code hf:} models come from and go to; asked for such locations only
     */
    public ModelLocation(ClassLoader classLoader, @Nullable Path cacheFolder, Supplier<HubSettings> hub) {
        this.classLoader = classLoader;
        this.cache = new ModelCache(cacheFolder);
        this.hub = hub;
    }

    /**
     * The folder with the model's files, or its GGUF file, on disk. Takes as long as a download where there is one to do.
     *
     * @throws ModelLocationException if there is no such folder, it holds no model, or it cannot be unpacked or downloaded
     */
    public Path resolve(String location) {
        String text = location.strip();
        if (text.isEmpty()) {
            throw new ModelLocationException(PROPERTY + " is empty.", FORMS);
        }
        Matcher matcher = SCHEME.matcher(text);
        if (!matcher.matches()) {
            return folder(location, path(location, text));
        }
        String rest = matcher.group(2);
        return switch (matcher.group(1).toLowerCase(Locale.ROOT)) {
            case "file" -> folder(location, filePath(location, text, rest));
            case "classpath" -> fromClasspath(location, rest);
            case "hf" -> fromHub(location, rest);
            default ->
                throw new ModelLocationException(
                        PROPERTY + "=" + location + ": '" + matcher.group(1) + ":' is not supported.", FORMS);
        };
    }

    private static Path path(String location, String text) {
        try {
            return text.startsWith("~/") ? Path.of(System.getProperty("user.home"), text.substring(2)) : Path.of(text);
        } catch (InvalidPathException e) {
            throw new ModelLocationException(
                    PROPERTY + "=" + location + " is not a path: " + e.getReason() + ".", FORMS, e);
        }
    }

    private static Path filePath(String location, String url, String rest) {
        if (!rest.startsWith("/")) {
            return path(location, rest); // file:models/tiny, relative to the working directory
        }
        try {
            return Path.of(new URI(url));
        } catch (URISyntaxException | IllegalArgumentException e) {
            // Not a strict URL (a space in it, for example): people mean the path.
            return path(location, rest.startsWith("//") ? rest.substring(2) : rest);
        }
    }

    private static Path folder(String location, Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        String found = PROPERTY + "=" + location;
        if (!Files.exists(absolute)) {
            throw new ModelLocationException(found + ": " + absolute + " does not exist.", FORMS);
        }
        if (!Files.isDirectory(absolute)) {
            if (ModelFolder.isGguf(absolute)) {
                return absolute;
            }
            throw new ModelLocationException(
                    found + ": " + absolute + " is a file.",
                    "Give the folder that holds config.json and the *.safetensors files, or a .gguf file.");
        }
        if (!Files.isRegularFile(absolute.resolve(MODEL_FILE))) {
            throw new ModelLocationException(
                    found + ": " + absolute + " has no config.json; it holds " + listing(absolute) + ".",
                    "Give a model folder as published on Hugging Face (config.json, tokenizer.json and *.safetensors files), or the path of a .gguf file.");
        }
        return absolute;
    }

    private static String listing(Path folder) {
        int shown = 5;
        try (Stream<Path> children = Files.list(folder)) {
            List<String> names = children.map(child -> child.getFileName().toString())
                    .sorted()
                    .toList();
            if (names.isEmpty()) {
                return "no files";
            }
            return names.stream().limit(shown).collect(Collectors.joining(", "))
                    + (names.size() > shown ? ", ..." : "");
        } catch (IOException e) {
            return "files that cannot be listed (" + e.getMessage() + ")";
        }
    }

    private Path fromClasspath(String location, String name) {
        String folder = name.replaceAll("^/+|/+$", "");
        // Jars need not have entries for folders, so the file that every model has is looked up.
        String resource = folder.isEmpty() ? MODEL_FILE : folder + "/" + MODEL_FILE;
        URL url = classLoader.getResource(resource);
        if (url == null) {
            throw new ModelLocationException(
                    PROPERTY + "=" + location + ": there is no " + resource + " on the classpath.",
                    "Add the artifact that holds the model to the application, or correct the folder's name.");
        }
        try {
            if (url.getProtocol().equals("file")) {
                return folder(location, Path.of(url.toURI()).getParent());
            }
            if (url.openConnection() instanceof JarURLConnection connection) {
                return unpacked(folder, connection);
            }
        } catch (IOException | URISyntaxException e) {
            throw new ModelLocationException(
                    PROPERTY + "=" + location + ": " + url + " cannot be unpacked: " + e + ".",
                    "Free or choose another folder by slim-infer.cache-dir, or unpack the jar yourself and give the folder's path.",
                    e);
        }
        throw new ModelLocationException(
                PROPERTY + "=" + location + ": " + url + " is neither on disk nor in a jar.",
                "Unpack it and give the folder's path.");
    }

    private Path fromHub(String location, String rest) {
        try {
            HubModel model = HubModel.parse(rest);
            return new ModelHub(hub.get()).fetch(model);
        } catch (HubException e) {
            throw new ModelLocationException(PROPERTY + "=" + location + ": " + e.description(), e.action(), e);
        }
    }

    /** Also for jars inside a Spring Boot jar: Boot's own connection is a {@link JarURLConnection} whose file is the inner jar. */
    private Path unpacked(String folder, JarURLConnection connection) throws IOException {
        connection.setUseCaches(false); // so that closing the jar closes nobody else's
        try (JarFile jar = connection.getJarFile()) {
            String entry = connection.getEntryName();
            String prefix = entry.substring(0, entry.length() - MODEL_FILE.length());
            String name = folder.isEmpty() ? "model" : new File(folder).getName();
            return cache.unpack(jar, prefix, name);
        }
    }
}
