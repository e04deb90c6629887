package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** NVRTC needs CUDA's libraries but no GPU. */
class NvrtcTests {

    @BeforeAll
    static void loadLibraries() {
        try {
            CudaNatives.load(CudaLibraries.ofSystem(System.getenv("LD_LIBRARY_PATH")));
        } catch (IllegalStateException e) {
            abort(e.getMessage());
        }
    }

    @Test
    void compilesForHopperAndForAmpere() {
        for (String architecture : List.of("90a", "80")) {
            byte[] cubin = Nvrtc.compile(KernelSource.of("runtime_tests.cu", Map.of("DTYPE", 2), architecture));
            assertThat(cubin).as(architecture).startsWith(0x7f, 'E', 'L', 'F');
        }
        assertThat(Nvrtc.version()).startsWith("13.");
    }

    /** JavaCPP looks for the libraries once more; a second copy would have a state of its own. */
    @Test
    void eachLibraryIsInTheProcessOnce() throws IOException {
        Map<String, Set<String>> places = new TreeMap<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            int path = line.indexOf('/');
            if (path >= 0 && line.matches(".*/lib(cudart|nvrtc|nvrtc-builtins|cublas|cublasLt)\\.so.*")) {
                String file = line.substring(line.lastIndexOf('/') + 1);
                places.computeIfAbsent(file.substring(0, file.indexOf('.')), name -> new TreeSet<>())
                        .add(line.substring(path));
            }
        }
        assertThat(places.keySet()).contains("libcudart", "libnvrtc", "libnvrtc-builtins", "libcublas", "libcublasLt");
        assertThat(places.values()).as(places.toString()).allMatch(paths -> paths.size() == 1);
    }

    @Test
    void aSourceThatDoesNotCompileIsExplained() {
        KernelSource bad = new KernelSource(
                "bad.cu",
                "#include \"common.cuh\"\nextern \"C\" __global__ void bad() {\n    int i = missing;\n}\n",
                "// été\n",
                List.of("--gpu-architecture=sm_90a", "-DDTYPE=2"));
        assertThatThrownBy(() -> Nvrtc.compile(bad))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("kernels/bad.cu does not compile with --gpu-architecture=sm_90a -DDTYPE=2")
                .hasMessageContaining("bad.cu(3)")
                .hasMessageContaining("missing");
    }
}
