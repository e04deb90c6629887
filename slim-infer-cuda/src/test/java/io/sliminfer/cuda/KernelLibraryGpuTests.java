package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import io.sliminfer.format.DType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@GpuTest
class KernelLibraryGpuTests {

    private static final String FILE = "runtime_tests.cu";
    private static final Map<String, Integer> DEFINES = Map.of("DTYPE", 2);
    private static final int COUNT = 1000;

    @TempDir
    private Path cache;

    private CudaContext context;
    private CudaStream stream;
    private KernelLibrary library;

    @BeforeEach
    void open() {
        context = CudaContext.open(0);
        stream = context.stream(0);
        library = new KernelLibrary(context, cache);
    }

    @AfterEach
    void close() {
        context.close();
    }

    private Kernel kernel(String entry) {
        return library.kernel(FILE, entry, DEFINES);
    }

    private PinnedMemory ramp() {
        PinnedMemory in = context.pinned("in", COUNT * 4L);
        FloatBuffer floats = in.buffer(0, COUNT * 4).asFloatBuffer();
        for (int i = 0; i < COUNT; i++) {
            floats.put(i, i);
        }
        return in;
    }

    private PinnedMemory out() {
        PinnedMemory out = context.pinned("out", (COUNT + 5) * 4L);
        out.buffer(0, (int) out.bytes()).put(new byte[(int) out.bytes()]);
        return out;
    }

    private static void launchScale(Kernel kernel, CudaStream stream, PinnedMemory out, PinnedMemory in) {
        // Kernels reach page-locked memory, so no copy is needed here.
        kernel.args()
                .pointer(out.deviceAddress())
                .pointer(in.deviceAddress())
                .integer(COUNT)
                .wide(5)
                .real(0.5f)
                .launch(stream, (COUNT + 127) / 128, 1, 1, 128, 0);
    }

    private void requireScaled(PinnedMemory out) {
        FloatBuffer floats = out.buffer(0, (COUNT + 5) * 4).asFloatBuffer();
        for (int i = 0; i < COUNT; i++) {
            assertThat(floats.get(i + 5)).as("element %d", i).isEqualTo(i * 0.5f);
        }
        assertThat(floats.get(4)).isZero();
    }

    @Test
    void launchesWithArgumentsOfAllTypes() {
        PinnedMemory out = out();
        launchScale(kernel("scale_add"), stream, out, ramp());
        stream.synchronize();
        requireScaled(out);
    }

    @Test
    void aCapturedLaunchKeepsItsArguments() {
        PinnedMemory in = ramp();
        PinnedMemory out = out();
        PinnedMemory sum = context.pinned("sum", 4);
        Kernel scale = kernel("scale_add");
        Kernel shared = kernel("shared_sum");
        stream.beginCapture();
        launchScale(scale, stream, out, in);
        CudaGraph graph = stream.endCapture();
        shared.args().pointer(sum.deviceAddress()).integer(100).launch(stream, 1, 1, 1, 128, 400);
        stream.launch(graph);
        stream.synchronize();
        requireScaled(out);
    }

    @Test
    void sharedMemoryAboveTheUsualLimitIsAskedFor() {
        PinnedMemory sum = context.pinned("sum", 4);
        Kernel shared = kernel("shared_sum");
        for (int words : new int[] {100, 20_000, 12_300}) {
            shared.args().pointer(sum.deviceAddress()).integer(words).launch(stream, 1, 1, 1, 256, words * 4);
            stream.synchronize();
            assertThat(sum.buffer(0, 4).getFloat(0)).isEqualTo(words);
        }
        assertThatThrownBy(() ->
                        shared.args().pointer(sum.deviceAddress()).integer(1).launch(stream, 1, 1, 1, 256, 1 << 20))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("shared_sum")
                .hasMessageContaining("1048576 bytes of shared memory");
    }

    @Test
    void argumentsThatDoNotFitAreRefused() {
        Kernel shared = kernel("shared_sum");
        assertThatThrownBy(() -> shared.args().integer(1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("parameter 0 has 8 bytes, the argument 4");
        assertThatThrownBy(() -> shared.args().pointer(0).integer(1).integer(2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has 2 parameters, not more");
        assertThatThrownBy(() -> shared.args().pointer(0).launch(stream, 1, 1, 1, 32, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has 2 parameters, 1 arguments were given");
    }

    @Test
    void aLaunchThatCannotBeNamesTheKernel() {
        PinnedMemory sum = context.pinned("sum", 4);
        assertThatThrownBy(() -> kernel("shared_sum")
                        .args()
                        .pointer(sum.deviceAddress())
                        .integer(1)
                        .launch(stream, 1, 1, 1, 4096, 4))
                .isInstanceOfSatisfying(
                        CudaException.class, e -> assertThat(e.sticky()).isFalse())
                .hasMessageContaining("shared_sum")
                .hasMessageContaining("4096 threads");
    }

    @Test
    void launchingLeavesNoGarbage() {
        PinnedMemory in = ramp();
        PinnedMemory out = out();
        Kernel kernel = kernel("scale_add");
        DeviceMemory device = context.allocate("device", 4);
        CudaEvent event = context.event(false);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long bytes = 0;
        for (int round = 0; round < 3; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 1000; i++) {
                launchScale(kernel, stream, out, in);
                stream.copyToHost(out.address(), device.address(), 4);
                stream.record(event);
                stream.await(event);
                event.isDone();
            }
            bytes = threads.getCurrentThreadAllocatedBytes() - before;
            stream.synchronize();
        }
        assertThat(bytes).as("bytes of 1000 launches, copies and events").isLessThan(1000);
    }

    @Test
    void aSecondLibraryTakesTheCodeFromDisk() throws IOException {
        kernel("scale_add");
        kernel("shared_sum");
        assertThat(library.compiled()).as("one module").isEqualTo(1);
        KernelLibrary second = new KernelLibrary(context, cache);
        PinnedMemory out = out();
        launchScale(second.kernel(FILE, "scale_add", DEFINES), stream, out, ramp());
        stream.synchronize();
        requireScaled(out);
        assertThat(second.compiled()).isZero();
        second.kernel(FILE, "scale_add", Map.of("DTYPE", 1));
        assertThat(second.compiled()).as("other defines").isEqualTo(1);

        try (Stream<Path> files = Files.list(cache.resolve("cuda-kernels"))) {
            for (Path file : files.toList()) {
                Files.write(file, new byte[100]);
            }
        }
        KernelLibrary third = new KernelLibrary(context, cache);
        third.kernel(FILE, "scale_add", DEFINES);
        assertThat(third.compiled()).as("damaged file").isEqualTo(1);
        System.out.printf(
                "one small module: %.0f ms compiled, %.1f ms from disk, %.2f ms to load%n",
                library.compileNanos() / 1e6, second.compileNanos() / 1e6, library.loadNanos() / 1e6);
    }

    @Test
    void preparesModulesSideBySide() {
        List<KernelLibrary.Request> requests = List.of(
                new KernelLibrary.Request(FILE, Map.of("DTYPE", 0)),
                new KernelLibrary.Request(FILE, Map.of("DTYPE", 1)),
                new KernelLibrary.Request(FILE, Map.of("DTYPE", 2)),
                new KernelLibrary.Request(FILE, Map.of("DTYPE", 2)));
        library.prepare(requests);
        assertThat(library.compiled()).isEqualTo(3);
        kernel("scale_add");
        assertThat(library.compiled()).isEqualTo(3);
        System.out.printf("three small modules: %.0f ms compiled%n", library.compileNanos() / 1e6);
    }

    @Test
    void namesAnEntryPointThatIsNotThere() {
        assertThatThrownBy(() -> kernel("nothing"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("kernels/runtime_tests.cu has no entry point nothing");
        assertThat(kernel("scale_add")).isSameAs(kernel("scale_add"));
    }

    @Test
    void aClosedLibraryLaunchesNothing() {
        Kernel kernel = kernel("shared_sum");
        library.close();
        library.close();
        assertThatThrownBy(kernel::args).hasMessageContaining("library is closed");
    }

    @Test
    void aTensorMapBringsABoxAndZeroesOutside() {
        assumeTrue(context.capability() >= 90, "bulk tensor copies need compute capability 9.0");
        int rows = 50;
        int columns = 128;
        int boxRows = 16;
        DeviceMemory matrix = context.allocate("matrix", rows * columns * 2L);
        PinnedMemory host = context.pinned("host", matrix.bytes());
        PinnedMemory out = context.pinned("out", boxRows * 64 * 2L);
        ShortBuffer values = host.buffer(0, (int) host.bytes()).asShortBuffer();
        for (int i = 0; i < rows * columns; i++) {
            values.put(i, (short) (i + 1));
        }
        stream.copyToDevice(matrix.address(), host.address(), host.bytes());
        TensorMap map = TensorMap.of(context, DType.BF16, matrix.address(), columns, rows, columns * 2L, 64, boxRows);
        assertThat(map.address() % 64).isZero();
        int firstRow = 40;
        kernel("tma_copy")
                .args()
                .tensorMap(map)
                .pointer(out.deviceAddress())
                .integer(64)
                .integer(firstRow)
                .integer(boxRows)
                .launch(stream, 1, 1, 1, 128, boxRows * 128 + 1024);
        stream.synchronize();
        ShortBuffer box = out.buffer(0, (int) out.bytes()).asShortBuffer();
        for (int r = 0; r < boxRows; r++) {
            for (int c = 0; c < 64; c++) {
                int expected = firstRow + r < rows ? (firstRow + r) * columns + 64 + c + 1 : 0;
                assertThat(box.get(r * 64 + c)).as("row %d, column %d", r, c).isEqualTo((short) expected);
            }
        }
        // The slots work for other kernels again.
        PinnedMemory sum = context.pinned("sum", 4);
        kernel("shared_sum").args().pointer(sum.deviceAddress()).integer(9).launch(stream, 1, 1, 1, 32, 36);
        stream.synchronize();
        assertThat(sum.buffer(0, 4).getFloat(0)).isEqualTo(9);
    }

    @Test
    void tensorMapsThatCannotBeAreExplained() {
        assumeTrue(context.capability() >= 90, "bulk tensor copies need compute capability 9.0");
        DeviceMemory matrix = context.allocate("matrix", 1 << 16);
        assertThatThrownBy(() -> TensorMap.of(context, DType.BF16, matrix.address(), 128, 50, 256, 128, 16))
                .hasMessageContaining("box [16, 128]")
                .hasMessageContaining("at most 128 bytes wide");
        assertThatThrownBy(() -> TensorMap.of(context, DType.F32, matrix.address(), 64, 50, 256, 32, 16))
                .hasMessageContaining("not F32");
    }
}
