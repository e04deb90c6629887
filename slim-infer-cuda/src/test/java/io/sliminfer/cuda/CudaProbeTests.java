package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaProbeTests {

    @TempDir
    private Path folder;

    /** A driver that answers from fields. */
    private static class FakeDriver implements CudaDriver {
        int initialised = SUCCESS;
        int devices = 1;
        int cuda = 13_000;
        int capability = 90;

        @Override
        public int initialise() {
            return initialised;
        }

        @Override
        public int cudaVersion() {
            return cuda;
        }

        @Override
        public int deviceCount() {
            return devices;
        }

        @Override
        public String deviceName(int device) {
            return "NVIDIA Test 80GB";
        }

        @Override
        public int computeCapability(int device) {
            return capability;
        }

        @Override
        public long memoryBytes(int device) {
            return 80L << 30;
        }
    }

    private CudaProbe.Result probe(CudaDriver driver) {
        return new CudaProbe(driver, new CudaLibraries(List.of(folder))).run();
    }

    private void installLibraries() throws IOException {
        for (String name : CudaLibraries.NAMES) {
            Files.createFile(folder.resolve(name));
        }
        Files.createFile(folder.resolve("libnvrtc-builtins.so.13.0"));
    }

    @Test
    void namesGpuDriverAndFolderWhereAllIsThere() throws IOException {
        installLibraries();
        CudaProbe.Result result = probe(new FakeDriver());
        assertThat(result.complete()).isTrue();
        assertThat(result.summary())
                .isEqualTo("NVIDIA Test 80GB (compute capability 9.0, 80 GiB, driver for CUDA 13.0), CUDA libraries in "
                        + folder);
    }

    @Test
    void saysThatTheDriverIsMissing() {
        CudaProbe.Result result = probe(new FakeDriver() {
            @Override
            public int initialise() {
                throw new UnsatisfiedLinkError("libcuda.so.1");
            }
        });
        assertThat(result.complete()).isFalse();
        assertThat(result.summary()).contains("not found (no NVIDIA driver)").contains("install the driver");
    }

    @Test
    void saysThatThereIsNoGpu() {
        FakeDriver driver = new FakeDriver();
        driver.initialised = CudaDriver.NO_DEVICE;
        assertThat(probe(driver).summary()).startsWith("the NVIDIA driver finds no GPU");
    }

    @Test
    void saysThatTheGpuIsTooOld() throws IOException {
        installLibraries();
        FakeDriver driver = new FakeDriver();
        driver.capability = 75;
        assertThat(probe(driver).summary()).contains("compute capability 7.5").contains("too old");
    }

    @Test
    void saysThatTheDriverIsTooOld() throws IOException {
        installLibraries();
        FakeDriver driver = new FakeDriver();
        driver.cuda = 12_040;
        assertThat(probe(driver).summary()).contains("driver for CUDA 12.4").contains("the driver is too old");
    }

    @Test
    void namesMissingLibrariesAndWhereTheyWereLookedFor() throws IOException {
        Files.createFile(folder.resolve(CudaLibraries.NAMES.get(0)));
        CudaProbe.Result result = probe(new FakeDriver());
        assertThat(result.complete()).isFalse();
        assertThat(result.summary())
                .contains("libnvrtc.so.13, libcublasLt.so.13, libcublas.so.13 not found in " + folder)
                .contains("LD_LIBRARY_PATH");
    }

    @Test
    void doesNotThrowWhereTheDriverFails() {
        CudaProbe.Result result = probe(new FakeDriver() {
            @Override
            public int deviceCount() {
                throw new IllegalStateException("cuDeviceGetCount failed with CUDA error 999");
            }
        });
        assertThat(result.summary()).contains("CUDA error 999");
    }

    @Test
    void theProviderIsFoundAndExplainsItself() {
        BackendProvider cuda = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> provider.name().equals("cuda"))
                .findFirst()
                .orElseThrow();
        assertThat(cuda.availability().usable()).isFalse();
        assertThat(cuda.availability().reason()).isNotBlank().doesNotContain("\n");
        assertThatThrownBy(() -> cuda.open(BackendSettings.defaults()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("slim-infer.backend=cuda cannot be used: ");
    }
}
