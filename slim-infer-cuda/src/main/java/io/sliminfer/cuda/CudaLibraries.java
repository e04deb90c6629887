package io.sliminfer.cuda;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where CUDA's libraries may lie: the toolkit's folder, Python's packages, LD_LIBRARY_PATH. */
final class CudaLibraries {

    /** Runtime, kernel compiler and matrix products, of CUDA 13. */
    static final List<String> NAMES = List.of("libcudart.so.13", "libnvrtc.so.13", "libcublasLt.so.13");

    private static final List<String> USUAL_FOLDERS = List.of(
            "/usr/local/cuda/lib64",
            "/usr/local/cuda-13/lib64",
            "/usr/local/cuda-13.0/lib64",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib64");

    private final List<Path> folders;

    CudaLibraries(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /**
     * @param libraryPath the environment's LD_LIBRARY_PATH, or null
     */
    static CudaLibraries ofSystem(@Nullable String libraryPath) {
        List<Path> folders = new ArrayList<>();
        for (String folder : libraryPath == null ? new String[0] : libraryPath.split(File.pathSeparator)) {
            if (!folder.isBlank()) {
                folders.add(Path.of(folder));
            }
        }
        USUAL_FOLDERS.forEach(folder -> folders.add(Path.of(folder)));
        return new CudaLibraries(folders);
    }

    /** The first folder that has the library. */
    Optional<Path> find(String name) {
        return folders.stream()
                .filter(folder -> Files.exists(folder.resolve(name)))
                .findFirst();
    }

    List<String> missing() {
        return NAMES.stream().filter(name -> find(name).isEmpty()).toList();
    }

    List<Path> folders() {
        return folders;
    }
}
