package io.sliminfer.cuda;

import java.util.Arrays;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * One entry point of a module, alive as long as its library. Launched by one thread, the engine's: {@code
 * kernel.args().pointer(x).integer(n).launch(stream, ...)}.
 */
final class Kernel {

    private final CudaContext context;
    private final KernelArguments arguments;
    private final String name;
    private final CUfunc_st function;

    /** Bytes of each parameter, so that a wrong argument is an exception and not a wrong result. */
    private final int[] parameterBytes;

    /** Dynamic shared memory that a launch may ask for as things are. */
    private int sharedBytesAllowed;

    /** Whether it may start before the kernel ahead has ended. */
    private final boolean overlaps;

    /**
     * @param overlaps see {@link LaunchOverlap}
     */
    Kernel(CudaContext context, KernelArguments arguments, String name, CUfunc_st function, boolean overlaps) {
        this.context = context;
        this.arguments = arguments;
        this.name = name;
        this.function = function;
        this.overlaps = overlaps;
        CudaStatus status = context.status();
        // Modules are loaded lazily; the first launch may be captured, where loading is not allowed.
        status.check(cudart.cuFuncLoad(function), "cuFuncLoad of " + name);
        this.parameterBytes = parameterBytes(name, function);
        int[] allowed = new int[1];
        status.check(
                cudart.cuFuncGetAttribute(allowed, cudart.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, function),
                "cuFuncGetAttribute of " + name);
        this.sharedBytesAllowed = allowed[0];
    }

    private static int[] parameterBytes(String name, CUfunc_st function) {
        int[] bytes = new int[KernelArguments.SLOTS];
        int count = 0;
        try (SizeTPointer offset = new SizeTPointer(1);
                SizeTPointer size = new SizeTPointer(1)) {
            // The end is told by an error, the index being out of range.
            while (cudart.cuFuncGetParamInfo(function, count, offset, size) == 0) {
                if (count == KernelArguments.SLOTS) {
                    throw new IllegalStateException(name + " has more than " + KernelArguments.SLOTS
                            + " parameters; raise KernelArguments.SLOTS");
                }
                bytes[count++] = Math.toIntExact(size.get());
            }
        }
        return Arrays.copyOf(bytes, count);
    }

    /** The library's arguments, emptied for this kernel. */
    KernelArguments args() {
        return arguments.begin(this);
    }

    CUfunc_st function() {
        return function;
    }

    boolean overlaps() {
        return overlaps;
    }

    /** Blocks of so many threads and bytes of dynamic shared memory that the GPU holds at once. */
    int residentBlocks(int threads, int sharedBytes) {
        allowShared(sharedBytes);
        int[] blocks = new int[1];
        context.status()
                .check(
                        cudart.cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, sharedBytes),
                        "cuOccupancyMaxActiveBlocksPerMultiprocessor of " + name);
        return Math.max(1, blocks[0]) * context.multiprocessors();
    }

    /** Number of parameters. */
    int parameters() {
        return parameterBytes.length;
    }

    void requireParameter(int index, int bytes) {
        if (index >= parameterBytes.length) {
            throw new IllegalArgumentException(name + " has " + parameterBytes.length + " parameters, not more");
        }
        if (parameterBytes[index] != bytes) {
            throw new IllegalArgumentException(
                    name + ": parameter " + index + " has " + parameterBytes[index] + " bytes, the argument " + bytes);
        }
    }

    void requireComplete(int count) {
        if (count != parameterBytes.length) {
            throw new IllegalArgumentException(
                    name + " has " + parameterBytes.length + " parameters, " + count + " arguments were given");
        }
    }

    /** Above the limit that every kernel has, shared memory must be asked for once. */
    void allowShared(int bytes) {
        if (bytes <= sharedBytesAllowed) {
            return;
        }
        if (bytes > context.sharedBytesPerBlockMax()) {
            throw new IllegalArgumentException(name + " needs " + bytes + " bytes of shared memory; a block of "
                    + context.name() + " can have " + context.sharedBytesPerBlockMax());
        }
        context.status()
                .check(
                        cudart.cuFuncSetAttribute(
                                function, cudart.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes),
                        "cuFuncSetAttribute of " + name);
        sharedBytesAllowed = bytes;
    }

    @Override
    public String toString() {
        return name;
    }
}
