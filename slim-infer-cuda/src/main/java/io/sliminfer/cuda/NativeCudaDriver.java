package io.sliminfer.cuda;

import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import java.nio.charset.StandardCharsets;

/** The driver's own library, which every machine with an NVIDIA driver has on its search path. */
final class NativeCudaDriver implements CudaDriver {

    private static final int COMPUTE_CAPABILITY_MAJOR = 75;
    private static final int COMPUTE_CAPABILITY_MINOR = 76;
    private static final int NAME_BYTES = 256;

    static final String LIBRARY = Platform.isWindows() ? "nvcuda" : "libcuda.so.1";

    private NativeLibrary library;

    @Override
    public int initialise() {
        library = NativeLibrary.getInstance(LIBRARY);
        return call("cuInit", 0);
    }

    @Override
    public int cudaVersion() {
        IntByReference version = new IntByReference();
        require(call("cuDriverGetVersion", version), "cuDriverGetVersion");
        return version.getValue();
    }

    @Override
    public int deviceCount() {
        IntByReference count = new IntByReference();
        require(call("cuDeviceGetCount", count), "cuDeviceGetCount");
        return count.getValue();
    }

    @Override
    public String deviceName(int device) {
        try (Memory name = new Memory(NAME_BYTES)) {
            require(call("cuDeviceGetName", name, NAME_BYTES, device), "cuDeviceGetName");
            return name.getString(0, StandardCharsets.UTF_8.name());
        }
    }

    @Override
    public int computeCapability(int device) {
        return 10 * attribute(COMPUTE_CAPABILITY_MAJOR, device) + attribute(COMPUTE_CAPABILITY_MINOR, device);
    }

    @Override
    public long memoryBytes(int device) {
        LongByReference bytes = new LongByReference();
        require(call("cuDeviceTotalMem_v2", bytes, device), "cuDeviceTotalMem");
        return bytes.getValue();
    }

    private int attribute(int attribute, int device) {
        IntByReference value = new IntByReference();
        require(call("cuDeviceGetAttribute", value, attribute, device), "cuDeviceGetAttribute");
        return value.getValue();
    }

    private int call(String function, Object... arguments) {
        return library.getFunction(function).invokeInt(arguments);
    }

    private static void require(int result, String function) {
        if (result != SUCCESS) {
            throw new IllegalStateException(function + " failed with CUDA error " + result);
        }
    }
}
