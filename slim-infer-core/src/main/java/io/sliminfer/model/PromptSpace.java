package io.sliminfer.model;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of a pass that is as long as its prompt: the residual stream and the rows' positions, and where its decisions land. One
 * prompt at a time; another may be half-way through its layers in a space of its own. Engine thread only.
 */
public final class PromptSpace {

    private final Backend backend;
    private final Tensor x;
    private final Tensor positions;
    private final List<Readback> decisions = new ArrayList<>();

    /** @param tokens longest prompt */
    PromptSpace(Backend backend, int hidden, int tokens) {
        this.backend = backend;
        this.x = backend.allocate("hidden states", DType.F32, tokens, hidden);
        this.positions = backend.allocate("positions", DType.I32, tokens, 1);
    }

    static long bytes(int hidden, long tokens) {
        return tokens * (4L * hidden + 4);
    }

    public Tensor x() {
        return x;
    }

    public Tensor positions() {
        return positions;
    }

    /** Tokens of the longest prompt that fits. */
    public int tokens() {
        return (int) x.rows();
    }

    /**
     * The landing place of a prompt's i-th decision, valid until the next prompt's. Made when a prompt first has so many and then
     * reused: on a device it is pinned memory, which is slow to come by.
     */
    Readback decision(int i) {
        while (decisions.size() <= i) {
            decisions.add(backend.readback(tokens())); // blocks may be as small as one token
        }
        return decisions.get(i);
    }
}
