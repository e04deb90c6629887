package io.sliminfer.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.cudart.CUlaunchAttribute;
import org.bytedeco.cuda.cudart.CUlaunchConfig;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of the next launch, in the order of the kernel's parameters. One object for each library, so that launching leaves
 * no garbage: {@link Kernel#args} empties it, and the driver copies the arguments at the launch. Engine thread only.
 */
final class KernelArguments implements AutoCloseable {

    static final int SLOTS = 32;

    private final LongPointer slots = new LongPointer(SLOTS);
    private final PointerPointer<LongPointer> pointers = new PointerPointer<>(SLOTS);
    private final ByteBuffer slotBytes = slots.asByteBuffer().order(ByteOrder.nativeOrder());
    private final ByteBuffer pointerBytes = pointers.asByteBuffer().order(ByteOrder.nativeOrder());
    private final long slotsAddress = slots.address();
    private final CudaStatus status;

    /** Of a launch that may start before the kernel ahead of it has ended. */
    private final CUlaunchConfig overlapped = new CUlaunchConfig();

    private final CUlaunchAttribute early = new CUlaunchAttribute();

    /** Where the last launch went if what comes next may overlap with it, else null. */
    private @Nullable CudaStream overlappable;

    private final long[] copied = new long[SLOTS];
    private @Nullable LaunchList collecting;
    private @Nullable Kernel kernel;
    private int count;
    private boolean closed;

    KernelArguments(CudaStatus status) {
        this.status = status;
        early.id(cudart.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
        early.value().programmaticStreamSerializationAllowed(1);
        overlapped.blockDimY(1).blockDimZ(1).attrs(early).numAttrs(1);
    }

    KernelArguments begin(Kernel next) {
        if (closed) {
            throw new IllegalStateException(next + ": its library is closed");
        }
        kernel = next;
        count = 0;
        return this;
    }

    /** A device address, or 0 for null. */
    KernelArguments pointer(long address) {
        slotBytes.putLong(next(Long.BYTES), address);
        return this;
    }

    /** An {@code int}. */
    KernelArguments integer(int value) {
        slotBytes.putInt(next(Integer.BYTES), value);
        return this;
    }

    /** A {@code long long}. */
    KernelArguments wide(long value) {
        slotBytes.putLong(next(Long.BYTES), value);
        return this;
    }

    /** A {@code float}. */
    KernelArguments real(float value) {
        slotBytes.putFloat(next(Float.BYTES), value);
        return this;
    }

    /** A {@code const __grid_constant__} struct of 128 bytes. */
    KernelArguments tensorMap(TensorMap map) {
        if (collecting != null) {
            throw new IllegalStateException(kernel + ": launches with a tensor map are not collected");
        }
        int slot = next(TensorMap.BYTES);
        pointerBytes.putLong(slot, map.address());
        return this;
    }

    /** Keeps launches in a list instead of enqueuing them, until it is called with null. */
    void collect(@Nullable LaunchList list) {
        collecting = list;
    }

    /** Where launches are kept now, or null if they are enqueued. */
    @Nullable
    LaunchList collecting() {
        return collecting;
    }

    /** The next launch starts when all before it has ended: called where something else than a launch was enqueued. */
    void separate() {
        overlappable = null;
    }

    /** All arguments of a launch that was collected. */
    KernelArguments repeat(long[] words, int from) {
        Kernel current = kernel;
        if (current == null) {
            throw new IllegalStateException("arguments without a kernel: begin with Kernel.args()");
        }
        count = current.parameters();
        for (int i = 0; i < count; i++) {
            slotBytes.putLong(i * Long.BYTES, words[from + i]);
            pointerBytes.putLong(i * Long.BYTES, slotsAddress + (long) i * Long.BYTES);
        }
        return this;
    }

    /** Claims the next slot for an argument of so many bytes; its offset. */
    private int next(int bytes) {
        Kernel current = kernel;
        if (current == null) {
            throw new IllegalStateException("arguments without a kernel: begin with Kernel.args()");
        }
        current.requireParameter(count, bytes);
        int slot = count++ * Long.BYTES;
        slotBytes.putLong(slot, 0); // a narrower value leaves no rest of an older one behind it
        pointerBytes.putLong(slot, slotsAddress + slot);
        return slot;
    }

    /**
     * Enqueues the kernel.
     *
     * @param sharedBytes dynamic shared memory of a block
     */
    void launch(CudaStream stream, int gridX, int gridY, int gridZ, int blockX, int sharedBytes) {
        Kernel current = kernel;
        if (current == null) {
            throw new IllegalStateException("a launch without a kernel: begin with Kernel.args()");
        }
        kernel = null;
        current.requireComplete(count);
        LaunchList list = collecting;
        if (list != null) {
            current.allowShared(sharedBytes);
            for (int i = 0; i < count; i++) {
                copied[i] = slotBytes.getLong(i * Long.BYTES);
            }
            list.add(current, gridX, gridY, gridZ, blockX, sharedBytes, copied, count);
            return;
        }
        status.requireAlive("cuLaunchKernel");
        current.allowShared(sharedBytes);
        boolean overlap = current.overlaps() && overlappable == stream;
        overlappable = current.overlaps() ? stream : null;
        int code;
        if (overlap) {
            overlapped
                    .gridDimX(gridX)
                    .gridDimY(gridY)
                    .gridDimZ(gridZ)
                    .blockDimX(blockX)
                    .sharedMemBytes(sharedBytes)
                    .hStream(stream.handle());
            code = cudart.cuLaunchKernelEx(overlapped, current.function(), pointers, (PointerPointer<?>) null);
        } else {
            code = cudart.cuLaunchKernel(
                    current.function(),
                    gridX,
                    gridY,
                    gridZ,
                    blockX,
                    1,
                    1,
                    sharedBytes,
                    stream.handle(),
                    pointers,
                    (PointerPointer<?>) null);
        }
        if (code != 0) {
            overlappable = null;
            throw status.failure(
                    code,
                    overlap ? "cuLaunchKernelEx" : "cuLaunchKernel",
                    current + ", grid " + gridX + " x " + gridY + " x " + gridZ + ", " + blockX + " threads, "
                            + sharedBytes + " bytes of shared memory");
        }
    }

    @Override
    public void close() {
        closed = true;
        slots.close();
        pointers.close();
        overlapped.close();
        early.close();
    }
}
