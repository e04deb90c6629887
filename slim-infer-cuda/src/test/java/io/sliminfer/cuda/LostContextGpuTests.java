package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A kernel that writes to a wrong address loses the context for good, so that happens in a JVM of its own. */
@GpuTest
class LostContextGpuTests {

    @Test
    void theJvmLivesAndLaterCallsNameTheFirstFailure(@TempDir Path cache) throws IOException, InterruptedException {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-Dorg.bytedeco.javacpp.cachedir="
                                + System.getProperty("org.bytedeco.javacpp.cachedir", cache.toString()),
                        "-cp",
                        classPath,
                        LostContext.class.getName(),
                        cache.toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        List<String> lines =
                output.lines().filter(line -> line.startsWith("lost: ")).toList();
        assertThat(lines).as(output).hasSize(4);
        assertThat(lines.get(0)).contains("sticky=true").contains("cudaErrorIllegalAddress");
        assertThat(lines.get(1))
                .contains("cudaMemcpyAsync was not tried")
                .contains("cudaStreamSynchronize failed: cudaErrorIllegalAddress");
        assertThat(lines.get(2)).contains("done=true");
        assertThat(lines.get(3)).contains("closed");
    }

    /** What the other JVM runs. */
    static final class LostContext {

        private LostContext() {}

        public static void main(String[] arguments) {
            CudaNatives.load(CudaLibraries.ofSystem(System.getenv("LD_LIBRARY_PATH")));
            CudaContext context = CudaContext.open(0);
            CudaStream stream = context.stream(0);
            CudaEvent event = context.event(false);
            DeviceMemory memory = context.allocate("memory", 1024);
            KernelLibrary library = new KernelLibrary(context, Path.of(arguments[0]));
            Gemm gemm = new Gemm(context, null, Path.of(arguments[0]), Gemm.Choice.HEURISTIC);
            library.kernel("runtime_tests.cu", "store_at", Map.of("DTYPE", 0))
                    .args()
                    .pointer(0x10)
                    .launch(stream, 1, 1, 1, 1, 0);
            stream.record(event);
            try {
                stream.synchronize();
            } catch (CudaException e) {
                System.out.println("lost: sticky=" + e.sticky() + " " + e.getMessage());
            }
            try {
                stream.copyOnDevice(memory.address(), memory.address() + 512, 256);
            } catch (CudaException e) {
                System.out.println("lost: " + e.getMessage());
            }
            System.out.println("lost: done=" + event.isDone());
            gemm.close();
            context.close();
            context.close();
            System.out.println("lost: closed");
        }
    }
}
