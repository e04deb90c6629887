package io.sliminfer.cuda;

import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;

/**
 * A queue of the GPU. All calls but {@link #synchronize} return at once and leave no garbage; addresses must stay valid until the
 * work has ended. One thread at a time.
 */
final class CudaStream implements AutoCloseable {

    private final CudaContext context;
    private final CudaStatus status;
    private final CUstream_st stream;
    private final CudaAddress to = new CudaAddress(0);
    private final CudaAddress from = new CudaAddress(0);
    private boolean capturing;
    private boolean closed;

    CudaStream(CudaContext context, CUstream_st stream) {
        this.context = context;
        this.status = context.status();
        this.stream = stream;
    }

    CUstream_st handle() {
        return stream;
    }

    void copyToDevice(long device, long host, long bytes) {
        copy(device, host, bytes, cudart.cudaMemcpyHostToDevice);
    }

    void copyToHost(long host, long device, long bytes) {
        copy(host, device, bytes, cudart.cudaMemcpyDeviceToHost);
    }

    void copyOnDevice(long target, long source, long bytes) {
        copy(target, source, bytes, cudart.cudaMemcpyDeviceToDevice);
    }

    private void copy(long target, long source, long bytes, int direction) {
        status.requireAlive("cudaMemcpyAsync");
        status.check(
                cudart.cudaMemcpyAsync(to.at(target), from.at(source), bytes, direction, stream), "cudaMemcpyAsync");
    }

    /** Sets {@code bytes} bytes of device memory to {@code byteValue}. */
    void fill(long address, int byteValue, long bytes) {
        status.requireAlive("cudaMemsetAsync");
        status.check(cudart.cudaMemsetAsync(to.at(address), byteValue, bytes, stream), "cudaMemsetAsync");
    }

    /** Moves the event to the end of what is enqueued now. */
    void record(CudaEvent event) {
        status.requireAlive("cudaEventRecord");
        status.check(cudart.cudaEventRecord(event.handle(), stream), "cudaEventRecord");
    }

    /** Lets what is enqueued from here on wait, on the device, for the event as it was recorded last. */
    void await(CudaEvent event) {
        status.requireAlive("cudaStreamWaitEvent");
        status.check(cudart.cudaStreamWaitEvent(stream, event.handle(), 0), "cudaStreamWaitEvent");
    }

    /** Waits for all that is enqueued. */
    void synchronize() {
        status.requireAlive("cudaStreamSynchronize");
        status.check(cudart.cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    }

    /** From here on work is recorded instead of run. Only the calling thread is kept from calls that a capture forbids. */
    void beginCapture() {
        status.requireAlive("cudaStreamBeginCapture");
        status.check(
                cudart.cudaStreamBeginCapture(stream, cudart.cudaStreamCaptureModeThreadLocal),
                "cudaStreamBeginCapture");
        capturing = true;
    }

    boolean isCapturing() {
        return capturing;
    }

    /** What was recorded, not yet run. */
    CudaGraph endCapture() {
        capturing = false;
        status.requireAlive("cudaStreamEndCapture");
        try (CUgraph_st graph = new CUgraph_st()) {
            status.check(cudart.cudaStreamEndCapture(stream, graph), "cudaStreamEndCapture");
            CUgraphExec_st executable = new CUgraphExec_st();
            try {
                status.check(cudart.cudaGraphInstantiate(executable, graph, 0), "cudaGraphInstantiate");
            } finally {
                cudart.cudaGraphDestroy(graph);
            }
            CudaGraph result = context.own(new CudaGraph(context, executable));
            // Otherwise the first launch would carry the upload.
            status.check(cudart.cudaGraphUpload(executable, stream), "cudaGraphUpload");
            return result;
        }
    }

    /** Leaves capture after a failure between begin and end; what was recorded is dropped. */
    void abandonCapture() {
        if (capturing) {
            capturing = false;
            try (CUgraph_st graph = new CUgraph_st()) {
                // A capture that went wrong reports so here; what went wrong is on its way to the caller already.
                if (cudart.cudaStreamEndCapture(stream, graph) == 0 && !graph.isNull()) {
                    cudart.cudaGraphDestroy(graph);
                }
                cudart.cudaGetLastError();
            }
        }
    }

    void launch(CudaGraph graph) {
        status.requireAlive("cudaGraphLaunch");
        status.check(cudart.cudaGraphLaunch(graph.handle(), stream), "cudaGraphLaunch");
    }

    /** What is enqueued still ends. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            context.released(this, 0);
            context.free(() -> cudart.cudaStreamDestroy(stream), "cudaStreamDestroy");
        }
    }
}
