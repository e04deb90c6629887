package io.sliminfer.cuda;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntSupplier;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One GPU with all that was allocated on it. {@link CudaNatives#load} must have succeeded before. The opening thread is bound to
 * the device; any other calls {@link #bind} first. Allocation and close are thread-safe.
 */
final class CudaContext implements AutoCloseable {

    /** Oldest GPU generation with bf16 tensor cores (Ampere). */
    private static final int CAPABILITY_MIN = 80;

    private static final int NAME_BYTES = 256;

    private static final Logger log = LoggerFactory.getLogger(CudaContext.class);

    private final int device;
    private final CudaStatus status;
    private final String name;
    private final int capability;
    private final int multiprocessors;
    private final int sharedBytesPerBlockMax;
    private final long totalBytes;
    private final int cudaVersion;

    /** What is to be closed, in the order of opening. */
    private final Set<AutoCloseable> owned = new LinkedHashSet<>();

    private long allocatedBytes;
    private long peakBytes;
    private boolean closed;

    private CudaContext(int device, CudaStatus status) {
        this.device = device;
        this.status = status;
        this.name = nameOf(status, device);
        this.capability = 10 * attribute(cudart.cudaDevAttrComputeCapabilityMajor)
                + attribute(cudart.cudaDevAttrComputeCapabilityMinor);
        if (capability < CAPABILITY_MIN) {
            throw new IllegalStateException(String.format(
                    Locale.ROOT,
                    "slim-infer.cuda.device=%d: %s has compute capability %d.%d; 8.0 (Ampere) or newer is needed. Choose another"
                            + " GPU or slim-infer.backend=cpu.",
                    device,
                    name,
                    capability / 10,
                    capability % 10));
        }
        this.multiprocessors = attribute(cudart.cudaDevAttrMultiProcessorCount);
        this.sharedBytesPerBlockMax = attribute(cudart.cudaDevAttrMaxSharedMemoryPerBlockOptin);
        status.check(cudart.cudaSetDevice(device), "cudaSetDevice(" + device + ")");
        this.totalBytes = memory(false);
        int[] version = new int[1];
        status.check(cudart.cudaDriverGetVersion(version), "cudaDriverGetVersion");
        this.cudaVersion = version[0];
    }

    /**
     * @param device CUDA's index of the GPU, the value of slim-infer.cuda.device
     * @throws IllegalStateException if there is no such device, or it is too old
     * @throws CudaException         if CUDA cannot be started on it
     */
    static CudaContext open(int device) {
        CudaStatus status = new CudaStatus(CudaContext::describe);
        int[] count = new int[1];
        int code = cudart.cudaGetDeviceCount(count);
        if (code != 0 && code != cudart.cudaErrorNoDevice) {
            throw status.failure(
                    code,
                    "cudaGetDeviceCount",
                    code == cudart.cudaErrorInsufficientDriver
                            ? "install an NVIDIA driver for CUDA 13.0 or newer"
                            : "check the GPU with nvidia-smi");
        }
        if (device < 0 || device >= count[0]) {
            throw new IllegalStateException(missing(status, device, count[0]));
        }
        return new CudaContext(device, status);
    }

    private static String missing(CudaStatus status, int device, int count) {
        String asked = "slim-infer.cuda.device=" + device + ": ";
        if (count == 0) {
            return asked
                    + "the NVIDIA driver finds no GPU. Pass one to this container or VM (CUDA_VISIBLE_DEVICES hides them too).";
        }
        List<String> devices = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            devices.add(i + " (" + nameOf(status, i) + ")");
        }
        return asked + "there is no such GPU. Set it to " + String.join(" or ", devices) + ".";
    }

    private static String nameOf(CudaStatus status, int device) {
        byte[] text = new byte[NAME_BYTES];
        status.check(cudart.cuDeviceGetName(text, text.length, device), "cuDeviceGetName");
        int length = 0;
        while (length < text.length && text[length] != 0) {
            length++;
        }
        return new String(text, 0, length, StandardCharsets.US_ASCII);
    }

    private static String describe(int code) {
        // The runtime keeps a thread's last error for whoever asks next: cuBLAS would take it for its own.
        cudart.cudaGetLastError();
        try (BytePointer name = cudart.cudaGetErrorName(code);
                BytePointer text = cudart.cudaGetErrorString(code)) {
            return name.getString() + " (" + code + "), " + text.getString();
        }
    }

    private int attribute(int attribute) {
        int[] value = new int[1];
        status.check(cudart.cudaDeviceGetAttribute(value, attribute, device), "cudaDeviceGetAttribute");
        return value[0];
    }

    CudaStatus status() {
        return status;
    }

    int device() {
        return device;
    }

    /** Compute capability as 10 * major + minor. */
    int capability() {
        return capability;
    }

    /** What NVRTC compiles for: {@code 90a} on Hopper, whose wgmma and TMA need the a; else digits alone. */
    String architecture() {
        return capability == 90 ? "90a" : Integer.toString(capability);
    }

    int multiprocessors() {
        return multiprocessors;
    }

    String name() {
        return name;
    }

    /** Newest CUDA version that the driver runs, as 1000 * major + 10 * minor. */
    int cudaVersion() {
        return cudaVersion;
    }

    long totalBytes() {
        return totalBytes;
    }

    /** What is free now, whoever has the rest. */
    long freeBytes() {
        status.requireAlive("cudaMemGetInfo");
        bind();
        return memory(true);
    }

    private long memory(boolean free) {
        try (SizeTPointer freeBytes = new SizeTPointer(1);
                SizeTPointer total = new SizeTPointer(1)) {
            status.check(cudart.cudaMemGetInfo(freeBytes, total), "cudaMemGetInfo");
            return free ? freeBytes.get() : total.get();
        }
    }

    /** Shared memory that a block can have if its kernel asks for it. */
    int sharedBytesPerBlockMax() {
        return sharedBytesPerBlockMax;
    }

    /**
     * A queue that does not wait for others.
     *
     * @param priority 0 is normal, lower goes first; cut to what the device has
     */
    CudaStream stream(int priority) {
        status.requireAlive("cudaStreamCreateWithPriority");
        bind();
        int[] least = new int[1];
        int[] greatest = new int[1];
        status.check(cudart.cudaDeviceGetStreamPriorityRange(least, greatest), "cudaDeviceGetStreamPriorityRange");
        CUstream_st stream = new CUstream_st();
        status.check(
                cudart.cudaStreamCreateWithPriority(
                        stream, cudart.cudaStreamNonBlocking, Math.max(greatest[0], Math.min(least[0], priority))),
                "cudaStreamCreateWithPriority");
        return own(new CudaStream(this, stream));
    }

    /** An event; with timing it costs a little more. */
    CudaEvent event(boolean timing) {
        status.requireAlive("cudaEventCreateWithFlags");
        bind();
        CUevent_st event = new CUevent_st();
        status.check(
                cudart.cudaEventCreateWithFlags(
                        event, timing ? cudart.cudaEventDefault : cudart.cudaEventDisableTiming),
                "cudaEventCreateWithFlags");
        return own(new CudaEvent(this, event, timing));
    }

    /**
     * @param name what it is for, in messages
     * @throws CudaException {@link CudaException#outOfMemory} if the GPU has not that much; the context works on
     */
    DeviceMemory allocate(String name, long bytes) {
        status.requireAlive("cudaMalloc");
        requireSize(name, bytes);
        bind();
        Pointer pointer = new CudaAddress(0);
        int code = cudart.cudaMalloc(pointer, bytes);
        if (code != 0) {
            throw status.failure(
                    code,
                    "cudaMalloc",
                    name + " needs " + size(bytes) + " on GPU " + device + " (" + this.name + "), "
                            + size(CudaException.sticky(code) ? 0 : memory(true)) + " of " + size(totalBytes)
                            + " are free and " + size(allocatedBytes()) + " are ours");
        }
        DeviceMemory memory = own(new DeviceMemory(this, name, pointer, bytes));
        synchronized (owned) {
            allocatedBytes += bytes;
            peakBytes = Math.max(peakBytes, allocatedBytes);
        }
        return memory;
    }

    /**
     * Page-locked memory, its content undefined at first. Takes about 0.65 s a GiB.
     *
     * @throws CudaException {@link CudaException#outOfMemory} if the system does not give that much
     */
    PinnedMemory pinned(String name, long bytes) {
        status.requireAlive("cudaHostAlloc");
        requireSize(name, bytes);
        bind();
        Pointer pointer = new CudaAddress(0);
        int code = cudart.cudaHostAlloc(pointer, bytes, cudart.cudaHostAllocPortable | cudart.cudaHostAllocMapped);
        if (code != 0) {
            throw status.failure(
                    code,
                    "cudaHostAlloc",
                    name + " needs " + size(bytes)
                            + " of page-locked host memory; free some, or raise the container's memory limit");
        }
        return own(new PinnedMemory(this, name, pointer, deviceAddress(pointer), bytes, true));
    }

    /**
     * Page-locks memory that is there already, such as a mapped file, until close. Where that is refused (some file systems do) it
     * works unlocked, and a warning says so.
     *
     * @param readOnly for a mapping that cannot be written: the device must not write to it either
     */
    PinnedMemory register(String name, long address, long bytes, boolean readOnly) {
        status.requireAlive("cudaHostRegister");
        requireSize(name, bytes);
        bind();
        Pointer pointer = new CudaAddress(address);
        int flags = cudart.cudaHostRegisterPortable
                | cudart.cudaHostRegisterMapped
                | (readOnly ? cudart.cudaHostRegisterReadOnly : 0);
        int code = cudart.cudaHostRegister(pointer, bytes, flags);
        if (code != 0) {
            CudaException refused = status.failure(code, "cudaHostRegister", "");
            if (refused.sticky()) {
                throw refused;
            }
            log.warn(
                    "{} ({}) is not page-locked, so copies to the GPU are slow and wait: {}",
                    name,
                    size(bytes),
                    refused.getMessage());
            return own(new PinnedMemory(this, name, pointer, 0, bytes, false));
        }
        return own(new PinnedMemory(this, name, pointer, deviceAddress(pointer), bytes, false));
    }

    private long deviceAddress(Pointer host) {
        Pointer onDevice = new CudaAddress(0);
        status.check(cudart.cudaHostGetDevicePointer(onDevice, host, 0), "cudaHostGetDevicePointer");
        return onDevice.address();
    }

    private static void requireSize(String name, long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException(name + ": " + bytes + " bytes cannot be allocated");
        }
    }

    static String size(long bytes) {
        return bytes < 10L << 20
                ? String.format(Locale.ROOT, "%,d bytes", bytes)
                : String.format(Locale.ROOT, "%,d MiB", bytes >> 20);
    }

    /** Makes this device the calling thread's. */
    void bind() {
        status.check(cudart.cudaSetDevice(device), "cudaSetDevice");
    }

    /** For calls that any thread may make. A thread that never chose a device has device 0 already. */
    void bindForeignThread() {
        if (device != 0) {
            bind();
        }
    }

    /** Device memory that we hold. */
    long allocatedBytes() {
        synchronized (owned) {
            return allocatedBytes;
        }
    }

    /** The most that {@link #allocatedBytes} has been. */
    long peakBytes() {
        synchronized (owned) {
            return peakBytes;
        }
    }

    /** Waits for all work on the device. */
    void synchronize() {
        status.requireAlive("cudaDeviceSynchronize");
        bind();
        status.check(cudart.cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    }

    /** Closes the resource with this context, if it is not closed before. */
    <T extends AutoCloseable> T own(T resource) {
        synchronized (owned) {
            if (closed) {
                throw new IllegalStateException("the CUDA context is closed");
            }
            owned.add(resource);
        }
        return resource;
    }

    void released(AutoCloseable resource, long deviceBytes) {
        synchronized (owned) {
            owned.remove(resource);
            allocatedBytes -= deviceBytes;
        }
    }

    /** Runs a call that frees something; a failure is logged, for nobody could do anything about it. */
    void free(IntSupplier call, String what) {
        if (status.isLost()) {
            return; // The driver freed all with the context.
        }
        bind();
        int code = call.getAsInt();
        if (code != 0) {
            log.warn("{}", status.failure(code, what, "").getMessage());
        }
    }

    /** Waits for all work and frees what was opened here, last first. May be called twice. */
    @Override
    public void close() {
        List<AutoCloseable> resources;
        synchronized (owned) {
            if (closed) {
                return;
            }
            closed = true;
            resources = new ArrayList<>(owned);
        }
        if (!status.isLost()) {
            bind();
            int code = cudart.cudaDeviceSynchronize();
            if (code != 0) {
                log.warn("{}", status.failure(code, "cudaDeviceSynchronize", "").getMessage());
            }
        }
        Collections.reverse(resources);
        for (AutoCloseable resource : resources) {
            try {
                resource.close();
            } catch (Exception e) {
                log.warn("a CUDA resource could not be closed", e);
            }
        }
    }
}
