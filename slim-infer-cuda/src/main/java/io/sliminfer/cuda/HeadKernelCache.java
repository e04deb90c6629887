package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import java.util.HashMap;
import java.util.Map;

/** Kernels by head size; a model has one. Engine thread only. */
final class HeadKernelCache {

    /** For operations that work on no heads but live in the same files. */
    private static final int ANY_HEAD_DIM = 64;

    private final KernelLibrary library;
    private final DType compute;
    private final int capability;
    private final Map<Integer, HeadKernels> kernels = new HashMap<>();
    private int last = ANY_HEAD_DIM;

    HeadKernelCache(KernelLibrary library, DType compute, int capability) {
        this.library = library;
        this.compute = compute;
        this.capability = capability;
    }

    HeadKernels of(int headDim) {
        HeadKernels known = kernels.get(headDim);
        if (known == null) {
            HeadKernels.require(headDim);
            known = new HeadKernels(library, compute, headDim, capability);
            kernels.put(headDim, known);
        }
        last = headDim;
        return known;
    }

    /** Those of any head size, so that none is compiled for its own sake. */
    HeadKernels any() {
        return of(last);
    }
}
