package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.bytedeco.javacpp.BytePointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@GpuTest
class CudaContextGpuTests {

    private static final int BYTES = 1 << 20;

    private CudaContext context;
    private CudaStream stream;

    @BeforeEach
    void open() {
        context = CudaContext.open(0);
        stream = context.stream(0);
    }

    @AfterEach
    void close() {
        context.close();
    }

    private static byte[] randomBytes(int count) {
        byte[] bytes = new byte[count];
        new Random(7).nextBytes(bytes);
        return bytes;
    }

    private static byte[] content(PinnedMemory memory) {
        byte[] bytes = new byte[(int) memory.bytes()];
        memory.buffer(0, bytes.length).get(bytes);
        return bytes;
    }

    private byte[] throughTheDevice(long host, int bytes) {
        DeviceMemory device = context.allocate("device", bytes);
        PinnedMemory back = context.pinned("back", bytes);
        stream.copyToDevice(device.address(), host, bytes);
        stream.copyToHost(back.address(), device.address(), bytes);
        stream.synchronize();
        return content(back);
    }

    @Test
    void knowsTheDevice() {
        assertThat(context.name()).contains("NVIDIA");
        assertThat(context.capability()).isGreaterThanOrEqualTo(80);
        assertThat(context.architecture()).isEqualTo(context.capability() == 90 ? "90a" : "" + context.capability());
        assertThat(context.multiprocessors()).isGreaterThan(10);
        assertThat(context.sharedBytesPerBlockMax()).isGreaterThan(48 << 10);
        assertThat(context.freeBytes()).isPositive().isLessThanOrEqualTo(context.totalBytes());
        assertThat(context.cudaVersion()).isGreaterThanOrEqualTo(13_000);
    }

    @Test
    void namesThePropertyAndTheDevicesForABadIndex() {
        for (int device : new int[] {-1, 99}) {
            assertThatThrownBy(() -> CudaContext.open(device))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("slim-infer.cuda.device=" + device + ": there is no such GPU")
                    .hasMessageContaining("0 (" + context.name() + ")");
        }
    }

    @Test
    void copiesFromPinnedMemoryAndBack() {
        byte[] bytes = randomBytes(BYTES);
        PinnedMemory host = context.pinned("host", BYTES);
        host.buffer(0, BYTES).put(bytes);
        assertThat(host.isPinned()).isTrue();
        assertThat(throughTheDevice(host.address(), BYTES)).isEqualTo(bytes);
    }

    @Test
    void pinnedMemoryIsSeenInParts() {
        PinnedMemory host = context.pinned("host", 64);
        host.buffer(16, 8).putLong(0, 42);
        assertThat(host.buffer(0, 64).getLong(16)).isEqualTo(42);
        assertThatThrownBy(() -> host.buffer(60, 8)).hasMessageContaining("host has 64 bytes");
    }

    @Test
    void fillsAndCopiesOnTheDevice() {
        DeviceMemory one = context.allocate("one", BYTES);
        DeviceMemory two = context.allocate("two", BYTES);
        PinnedMemory host = context.pinned("host", BYTES);
        stream.fill(one.address(), 0x5a, BYTES);
        stream.copyOnDevice(two.address(), one.address(), BYTES);
        stream.copyToHost(host.address(), two.address(), BYTES);
        stream.synchronize();
        assertThat(content(host)).containsOnly(0x5a);
    }

    @Test
    void copiesFromAMappedFile(@TempDir Path folder) throws IOException {
        byte[] bytes = randomBytes(BYTES);
        Path file = Files.write(folder.resolve("weights"), bytes);
        try (FileChannel channel = FileChannel.open(file)) {
            MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, BYTES);
            try (BytePointer pointer = new BytePointer(mapped);
                    // The file system decides whether this is locked; the copy must arrive either way.
                    PinnedMemory host = context.register("weights", pointer.address(), BYTES, true)) {
                assertThat(throughTheDevice(host.address(), BYTES)).isEqualTo(bytes);
                System.out.println("mapped file page-locked: " + host.isPinned());
            }
        }
    }

    @Test
    void locksMemoryOfOthersAndFallsBackWhereThatIsRefused() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BYTES);
        byte[] bytes = randomBytes(BYTES);
        buffer.duplicate().put(bytes);
        try (BytePointer pointer = new BytePointer(buffer);
                PinnedMemory host = context.register("direct buffer", pointer.address(), BYTES, false);
                // The same memory again is refused.
                PinnedMemory again = context.register("again", pointer.address(), BYTES, false)) {
            assertThat(host.isPinned()).isTrue();
            assertThat(host.deviceAddress()).isNotZero();
            assertThat(again.isPinned()).isFalse();
            assertThatThrownBy(again::deviceAddress).hasMessageContaining("again is not page-locked");
            assertThat(throughTheDevice(again.address(), BYTES)).isEqualTo(bytes);
        }
    }

    @Test
    void eventsTellWhatHasEnded() {
        DeviceMemory device = context.allocate("device", 1L << 30);
        CudaEvent start = context.event(true);
        CudaEvent end = context.event(true);
        CudaEvent plain = context.event(false);
        assertThat(plain.isDone()).as("never recorded").isTrue();
        stream.record(start);
        for (int i = 0; i < 20; i++) {
            stream.fill(device.address(), i, device.bytes());
        }
        stream.record(end);
        stream.record(plain);
        assertThat(end.isDone()).as("20 GiB are not written yet").isFalse();
        end.join();
        plain.join();
        assertThat(end.isDone()).isTrue();
        assertThat(end.millisSince(start)).isBetween(0.5f, 1000f);
        assertThatThrownBy(() -> plain.millisSince(start)).hasMessageContaining("without timing");
    }

    @Test
    void aStreamWaitsForAnother() {
        CudaStream other = context.stream(-1);
        DeviceMemory device = context.allocate("device", 1L << 30);
        PinnedMemory host = context.pinned("host", 8);
        CudaEvent written = context.event(false);
        for (int i = 0; i < 20; i++) {
            stream.fill(device.address(), i, device.bytes());
        }
        stream.record(written);
        other.await(written);
        other.copyToHost(host.address(), device.address() + device.bytes() - 8, 8);
        other.synchronize();
        assertThat(content(host)).containsOnly(19);
    }

    @Test
    void capturesAndReplays() {
        DeviceMemory device = context.allocate("device", BYTES);
        PinnedMemory host = context.pinned("host", BYTES);
        host.buffer(0, BYTES).put(new byte[BYTES]);
        stream.fill(device.address(), 1, BYTES);
        stream.synchronize();

        stream.beginCapture();
        assertThat(stream.isCapturing()).isTrue();
        stream.copyToHost(host.address(), device.address(), BYTES);
        stream.fill(device.address(), 2, BYTES);
        CudaGraph graph = stream.endCapture();
        assertThat(stream.isCapturing()).isFalse();
        stream.synchronize();
        assertThat(content(host)).as("captured, not run").containsOnly(0);

        stream.launch(graph);
        stream.synchronize();
        assertThat(content(host)).containsOnly(1);
        stream.launch(graph);
        stream.synchronize();
        assertThat(content(host)).containsOnly(2);
        graph.close();
        assertThatThrownBy(() -> stream.launch(graph)).hasMessageContaining("closed");
    }

    @Test
    void aCaptureThatFailedIsLeft() {
        DeviceMemory device = context.allocate("device", BYTES);
        stream.beginCapture();
        stream.fill(device.address(), 1, BYTES);
        // Waiting for a stream that captures is forbidden and spoils the capture.
        assertThatThrownBy(stream::synchronize).isInstanceOf(CudaException.class);
        stream.abandonCapture();
        assertThat(stream.isCapturing()).isFalse();
        stream.fill(device.address(), 3, BYTES);
        assertThatCode(stream::synchronize).doesNotThrowAnyException();
    }

    @Test
    void outOfMemoryNamesSizesAndTheContextGoesOn() {
        long tooMuch = context.totalBytes() + (1L << 30);
        assertThatThrownBy(() -> context.allocate("KV pool", tooMuch))
                .isInstanceOfSatisfying(
                        CudaException.class, e -> assertThat(e.outOfMemory()).isTrue())
                .hasMessageContaining("KV pool needs " + String.format("%,d MiB", tooMuch >> 20))
                .hasMessageContaining("are free");
        byte[] bytes = randomBytes(BYTES);
        PinnedMemory host = context.pinned("host", BYTES);
        host.buffer(0, BYTES).put(bytes);
        assertThat(throughTheDevice(host.address(), BYTES)).isEqualTo(bytes);
    }

    @Test
    void countsWhatIsAllocated() {
        assertThat(context.allocatedBytes()).isZero();
        DeviceMemory one = context.allocate("one", 1000);
        DeviceMemory two = context.allocate("two", 500);
        one.close();
        one.close();
        assertThat(context.allocatedBytes()).isEqualTo(500);
        assertThat(context.peakBytes()).isEqualTo(1500);
        two.close();
        assertThat(context.allocatedBytes()).isZero();
    }

    @Test
    void closingGivesAllBackAndMayBeRepeated() {
        long before = context.freeBytes();
        context.allocate("large", 1L << 30);
        context.event(true);
        assertThat(context.freeBytes()).isLessThanOrEqualTo(before - (1L << 30));
        context.close();
        context.close();
        assertThat(context.allocatedBytes()).isZero();
        assertThatThrownBy(() -> context.allocate("late", 16)).hasMessageContaining("closed");
        try (CudaContext next = CudaContext.open(0)) {
            assertThat(next.freeBytes()).isGreaterThan(before - (64L << 20));
        }
    }
}
