package io.sliminfer.cuda;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Where CUDA's libraries may lie, the first place wins: LD_LIBRARY_PATH (somebody chose it), jars of the class path (somebody added
 * them), the toolkit and the system, Python's packages.
 */
final class CudaLibraries {

    static final String RUNTIME = "libcudart.so.13";
    static final String COMPILER = "libnvrtc.so.13";
    static final String MATRIX_PRODUCTS = "libcublasLt.so.13";

    /** Runtime, kernel compiler and matrix products, of CUDA 13. The binding of cuBLASLt is linked to cuBLAS too. */
    static final List<String> NAMES = List.of(RUNTIME, COMPILER, MATRIX_PRODUCTS, "libcublas.so.13");

    /** The compiler's own library, which has its minor version in its name. */
    private static final String BUILTINS_PREFIX = "libnvrtc-builtins.so.13";

    private static final int MINOR_MAX = 9;

    /** Where JavaCPP's redistributable jars keep the libraries. */
    static final String JAR_FOLDER = "org/bytedeco/cuda/linux-x86_64/";

    private static final String PYTHON_FOLDER = "nvidia/cu13/lib";

    /** A library: a file, or a resource that has to be unpacked first. */
    record Library(String name, @Nullable Path file, @Nullable URL resource) {

        /** For people. */
        String place() {
            return file != null ? String.valueOf(file.getParent()) : String.valueOf(resource);
        }
    }

    private final List<Path> chosen;
    private final Function<String, @Nullable URL> resources;
    private final List<Path> usual;

    CudaLibraries(List<Path> folders) {
        this(folders, name -> null, List.of());
    }

    /**
     * @param chosen    folders that come before the class path
     * @param resources the class path: from a resource's name to where it is, or null
     * @param usual     folders that come after it
     */
    CudaLibraries(List<Path> chosen, Function<String, @Nullable URL> resources, List<Path> usual) {
        this.chosen = List.copyOf(chosen);
        this.resources = resources;
        this.usual = List.copyOf(usual);
    }

    /**
     * @param libraryPath the environment's LD_LIBRARY_PATH, or null
     */
    static CudaLibraries ofSystem(@Nullable String libraryPath) {
        Map<String, String> environment = System.getenv();
        List<Path> usual = usualFolders(Path.of("/"));
        usual.addAll(pythonFolders(
                Path.of("/"),
                environment.get("VIRTUAL_ENV"),
                environment.get("CONDA_PREFIX"),
                System.getProperty("user.home")));
        ClassLoader loader = CudaLibraries.class.getClassLoader();
        return new CudaLibraries(split(libraryPath), loader::getResource, usual);
    }

    private static List<Path> split(@Nullable String libraryPath) {
        List<Path> folders = new ArrayList<>();
        for (String folder : libraryPath == null ? new String[0] : libraryPath.split(File.pathSeparator)) {
            if (!folder.isBlank()) {
                folders.add(Path.of(folder).toAbsolutePath());
            }
        }
        return folders;
    }

    /** The toolkit's folders, the newest version first, then the system's and those that container runtimes mount. */
    static List<Path> usualFolders(Path root) {
        List<Path> folders = new ArrayList<>();
        folders.add(root.resolve("usr/local/cuda/lib64"));
        for (Path toolkit : list(root.resolve("usr/local"), "cuda-13*")) {
            folders.add(toolkit.resolve("lib64"));
        }
        for (String folder :
                List.of("usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/local/nvidia/lib64", "usr/lib/wsl/lib")) {
            folders.add(root.resolve(folder));
        }
        return folders;
    }

    /** Where pip and conda put NVIDIA's packages: the active environment first, then the user's and the system's Python. */
    static List<Path> pythonFolders(
            Path root, @Nullable String virtualEnvironment, @Nullable String condaPrefix, @Nullable String home) {
        List<Path> pythons = new ArrayList<>();
        for (String prefix : new String[] {virtualEnvironment, condaPrefix}) {
            if (prefix != null && !prefix.isBlank()) {
                pythons.add(Path.of(prefix, "lib"));
            }
        }
        if (home != null) {
            pythons.add(Path.of(home, ".local", "lib"));
        }
        for (String folder : List.of("usr/local/lib", "usr/lib", "opt/conda/lib")) {
            pythons.add(root.resolve(folder));
        }
        List<Path> folders = new ArrayList<>();
        for (Path lib : pythons) {
            for (Path python : list(lib, "python3*")) {
                folders.add(python.resolve("site-packages").resolve(PYTHON_FOLDER));
                folders.add(python.resolve("dist-packages").resolve(PYTHON_FOLDER));
            }
        }
        if (condaPrefix != null && !condaPrefix.isBlank()) {
            folders.add(Path.of(condaPrefix, "lib"));
        }
        // Python's version alone tells little, and a long list would hide the useful part of the error.
        folders.removeIf(folder -> !Files.isDirectory(folder));
        return folders;
    }

    /** Entries that match, the highest name first; empty where the folder cannot be read. */
    private static List<Path> list(Path folder, String glob) {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, glob)) {
            stream.forEach(entries::add);
        } catch (IOException e) {
            return List.of();
        }
        Collections.sort(entries, Collections.reverseOrder());
        return entries;
    }

    Optional<Library> find(String name) {
        for (Path folder : chosen) {
            if (Files.exists(folder.resolve(name))) {
                return Optional.of(new Library(name, folder.resolve(name), null));
            }
        }
        URL resource = resources.apply(JAR_FOLDER + name);
        if (resource != null) {
            return Optional.of(new Library(name, null, resource));
        }
        for (Path folder : usual) {
            if (Files.exists(folder.resolve(name))) {
                return Optional.of(new Library(name, folder.resolve(name), null));
            }
        }
        return Optional.empty();
    }

    /** The compiler's own library; it must be of the same build, so it is looked for only where the compiler is. */
    Optional<Library> findBuiltins(Library compiler) {
        if (compiler.file() != null) {
            return list(compiler.file().getParent(), BUILTINS_PREFIX + "*").stream()
                    .findFirst()
                    .map(file -> new Library(String.valueOf(file.getFileName()), file, null));
        }
        for (int minor = MINOR_MAX; minor >= 0; minor--) {
            String name = BUILTINS_PREFIX + "." + minor;
            URL resource = resources.apply(JAR_FOLDER + name);
            if (resource != null) {
                return Optional.of(new Library(name, null, resource));
            }
        }
        return Optional.empty();
    }

    List<String> missing() {
        List<String> missing = new ArrayList<>();
        for (String name : NAMES) {
            Optional<Library> found = find(name);
            if (found.isEmpty()) {
                missing.add(name);
            } else if (name.equals(COMPILER) && findBuiltins(found.get()).isEmpty()) {
                missing.add(BUILTINS_PREFIX + ".* beside " + name);
            }
        }
        return missing;
    }

    List<Path> folders() {
        List<Path> folders = new ArrayList<>(chosen);
        folders.addAll(usual);
        return folders;
    }

    /** What to do about libraries that are missing, with where they were looked for. */
    String remedy() {
        return " not found in " + folders().stream().map(Path::toString).collect(Collectors.joining(", "))
                + ": install the CUDA 13 toolkit (or pip install nvidia-cuda-runtime nvidia-cuda-nvrtc nvidia-cublas), or add"
                + " its folder to LD_LIBRARY_PATH";
    }
}
