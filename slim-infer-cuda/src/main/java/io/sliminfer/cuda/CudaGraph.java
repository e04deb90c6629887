package io.sliminfer.cuda;

import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.global.cudart;

/** Launches and copies that a stream captured, ready to be launched as one. The memory they use must outlive it. */
final class CudaGraph implements AutoCloseable {

    private final CudaContext context;
    private final CUgraphExec_st graph;
    private boolean closed;

    CudaGraph(CudaContext context, CUgraphExec_st graph) {
        this.context = context;
        this.graph = graph;
    }

    CUgraphExec_st handle() {
        if (closed) {
            throw new IllegalStateException("the graph is closed");
        }
        return graph;
    }

    /** May be called while it runs: CUDA frees it when it has ended. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            context.released(this, 0);
            context.free(() -> cudart.cudaGraphExecDestroy(graph), "cudaGraphExecDestroy");
        }
    }
}
