package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaLibrariesTests {

    private static final String BUILTINS = "libnvrtc-builtins.so.13.0";

    @TempDir
    private Path root;

    /** Resources of a class path, by name. */
    private final Map<String, URL> resources = new HashMap<>();

    private Path install(String folder, String... names) throws IOException {
        Path path = Files.createDirectories(root.resolve(folder));
        for (String name : names) {
            Files.createFile(path.resolve(name));
        }
        return path;
    }

    private void packageIntoJar(String name) throws IOException {
        Path jar = install("jar-" + name, name);
        resources.put(CudaLibraries.JAR_FOLDER + name, jar.resolve(name).toUri().toURL());
    }

    private CudaLibraries libraries(List<Path> chosen, List<Path> usual) {
        return new CudaLibraries(chosen, resources::get, usual);
    }

    @Test
    void prefersLdLibraryPathToJarsAndJarsToUsualFolders() throws IOException {
        Path chosen = install("chosen", CudaLibraries.RUNTIME);
        Path usual = install("usual", CudaLibraries.RUNTIME, CudaLibraries.COMPILER, CudaLibraries.MATRIX_PRODUCTS);
        packageIntoJar(CudaLibraries.RUNTIME);
        packageIntoJar(CudaLibraries.COMPILER);
        CudaLibraries libraries = libraries(List.of(chosen), List.of(usual));

        assertThat(libraries.find(CudaLibraries.RUNTIME).orElseThrow().file())
                .isEqualTo(chosen.resolve(CudaLibraries.RUNTIME));
        assertThat(libraries.find(CudaLibraries.COMPILER).orElseThrow().resource())
                .isEqualTo(resources.get(CudaLibraries.JAR_FOLDER + CudaLibraries.COMPILER));
        assertThat(libraries.find(CudaLibraries.MATRIX_PRODUCTS).orElseThrow().file())
                .isEqualTo(usual.resolve(CudaLibraries.MATRIX_PRODUCTS));
        assertThat(libraries.missing()).contains("libcublas.so.13");
    }

    @Test
    void takesTheCompilersOwnLibraryFromWhereTheCompilerIs() throws IOException {
        Path chosen = install("chosen", "libnvrtc-builtins.so.13.1");
        Path usual = install("usual", CudaLibraries.COMPILER, BUILTINS);
        CudaLibraries libraries = libraries(List.of(chosen), List.of(usual));
        CudaLibraries.Library compiler = libraries.find(CudaLibraries.COMPILER).orElseThrow();
        assertThat(libraries.findBuiltins(compiler).orElseThrow().file()).isEqualTo(usual.resolve(BUILTINS));
    }

    @Test
    void findsTheCompilersOwnLibraryInAJar() throws IOException {
        packageIntoJar(CudaLibraries.COMPILER);
        packageIntoJar("libnvrtc-builtins.so.13.1");
        CudaLibraries libraries = libraries(List.of(), List.of());
        CudaLibraries.Library compiler = libraries.find(CudaLibraries.COMPILER).orElseThrow();
        assertThat(libraries.findBuiltins(compiler).orElseThrow().name()).isEqualTo("libnvrtc-builtins.so.13.1");
    }

    @Test
    void missesTheCompilersOwnLibrary() throws IOException {
        Path folder = install("usual", CudaLibraries.NAMES.toArray(String[]::new));
        assertThat(libraries(List.of(folder), List.of()).missing())
                .containsExactly("libnvrtc-builtins.so.13.* beside libnvrtc.so.13");
    }

    @Test
    void looksThroughToolkitsFromTheNewestOn() throws IOException {
        install("usr/local/cuda-13.0/lib64");
        install("usr/local/cuda-13.1/lib64");
        install("usr/local/cuda-12.9/lib64");
        assertThat(CudaLibraries.usualFolders(root))
                .startsWith(
                        root.resolve("usr/local/cuda/lib64"),
                        root.resolve("usr/local/cuda-13.1/lib64"),
                        root.resolve("usr/local/cuda-13.0/lib64"))
                .doesNotContain(root.resolve("usr/local/cuda-12.9/lib64"));
    }

    @Test
    void looksThroughPythonsPackagesTheActiveEnvironmentFirst() throws IOException {
        Path environment = install("venv/lib/python3.12/site-packages/nvidia/cu13/lib");
        Path user = install("home/.local/lib/python3.11/site-packages/nvidia/cu13/lib");
        Path system = install("usr/lib/python3/dist-packages/nvidia/cu13/lib");
        install("usr/local/lib/python3.12/site-packages");
        assertThat(CudaLibraries.pythonFolders(
                        root,
                        root.resolve("venv").toString(),
                        null,
                        root.resolve("home").toString()))
                .containsExactly(environment, user, system);
    }

    @Test
    void loadsWhatOthersNeedFirst() throws IOException {
        Path folder = install("usual", CudaLibraries.NAMES.toArray(String[]::new));
        Files.createFile(folder.resolve(BUILTINS));
        assertThat(CudaNatives.inLoadOrder(libraries(List.of(folder), List.of())))
                .extracting(CudaLibraries.Library::name)
                .containsExactly("libcudart.so.13", BUILTINS, "libnvrtc.so.13", "libcublasLt.so.13", "libcublas.so.13");
    }

    @Test
    void namesWhatIsMissingAndTheFix() {
        assertThatThrownBy(() -> CudaNatives.inLoadOrder(libraries(List.of(root), List.of())))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(
                        "libcudart.so.13, libnvrtc.so.13, libcublasLt.so.13, libcublas.so.13 not found in " + root)
                .hasMessageContaining("LD_LIBRARY_PATH");
    }
}
