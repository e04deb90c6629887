package io.sliminfer.cuda;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Launches of a fixed sequence of operations, kept instead of enqueued, so that they can be compared with those of the last time and
 * replayed as a graph. Arguments are part of it; what changes from step to step (lengths, slot tables, inputs) is read by the
 * kernels from device memory and is not. Which launches may overlap follows from the kernels ({@link LaunchOverlap}); in a graph such
 * a launch hangs on the one ahead by a programmatic edge. Engine thread only.
 */
final class LaunchList {

    /** What is enqueued by more than a kernel's launch, such as a product of the library; compared by {@code equals}. */
    interface Call {
        void enqueue();
    }

    private static final int GRID = 5;

    private final List<Object> what = new ArrayList<>();
    private int[] grids = new int[GRID * 512];
    private long[] slots = new long[KernelArguments.SLOTS * 512];

    /** What a host waits for: an event in the middle of a graph could not be, so they count as landed at its end. */
    private final List<CudaReadback> readbacks = new ArrayList<>();

    void clear() {
        what.clear();
        readbacks.clear();
    }

    void add(CudaReadback readback) {
        readbacks.add(readback);
    }

    /** Called when all of it is enqueued. */
    void landed(CudaStream stream) {
        for (int i = 0; i < readbacks.size(); i++) {
            readbacks.get(i).landed(stream);
        }
    }

    boolean isEmpty() {
        return what.isEmpty();
    }

    /**
     * @param arguments the first {@code count} slots are used
     */
    void add(Kernel kernel, int gridX, int gridY, int gridZ, int blockX, int sharedBytes, long[] arguments, int count) {
        int index = what.size();
        if (grids.length < GRID * (index + 1)) {
            grids = Arrays.copyOf(grids, 2 * grids.length);
            slots = Arrays.copyOf(slots, 2 * slots.length);
        }
        int at = GRID * index;
        grids[at] = gridX;
        grids[at + 1] = gridY;
        grids[at + 2] = gridZ;
        grids[at + 3] = blockX;
        grids[at + 4] = sharedBytes;
        int slot = KernelArguments.SLOTS * index;
        System.arraycopy(arguments, 0, slots, slot, count);
        Arrays.fill(slots, slot + count, slot + KernelArguments.SLOTS, 0);
        what.add(kernel);
    }

    void add(Call call) {
        int index = what.size();
        if (grids.length < GRID * (index + 1)) {
            grids = Arrays.copyOf(grids, 2 * grids.length);
            slots = Arrays.copyOf(slots, 2 * slots.length);
        }
        Arrays.fill(grids, GRID * index, GRID * (index + 1), 0);
        Arrays.fill(slots, KernelArguments.SLOTS * index, KernelArguments.SLOTS * (index + 1), 0);
        what.add(call);
    }

    /** Whether both would enqueue the same. */
    boolean sameAs(LaunchList other) {
        int size = what.size();
        return size == other.what.size()
                && Arrays.equals(grids, 0, GRID * size, other.grids, 0, GRID * size)
                && Arrays.equals(slots, 0, KernelArguments.SLOTS * size, other.slots, 0, KernelArguments.SLOTS * size)
                && what.equals(other.what);
    }

    /** Enqueues everything, in order. */
    void enqueue(KernelArguments arguments, CudaStream stream) {
        for (int i = 0; i < what.size(); i++) {
            if (what.get(i) instanceof Kernel kernel) {
                int at = GRID * i;
                arguments
                        .begin(kernel)
                        .repeat(slots, KernelArguments.SLOTS * i)
                        .launch(stream, grids[at], grids[at + 1], grids[at + 2], grids[at + 3], grids[at + 4]);
            } else {
                ((Call) what.get(i)).enqueue();
                arguments.separate();
            }
        }
    }
}
