package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import io.sliminfer.format.RandomTensor;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Streams tensors from files to the device: workers read pieces into pinned buffers, each piece follows to the device as
 * soon as it is there, and is converted on the device where the file has another dtype. The speed is the file's or the bus's,
 * whichever is lower. Engine thread only.
 */
final class WeightLoader implements AutoCloseable {

    private static final int BUFFERS = 8;
    private static final int BUFFER_BYTES = 16 << 20;

    private final CudaContext context;
    private final CudaStream stream;
    private final Kernels kernels;
    private final PinnedMemory pinned;
    private final DeviceMemory raw;
    private final CudaEvent[] sent = new CudaEvent[BUFFERS];
    private final ExecutorService workers = Executors.newFixedThreadPool(
            Math.max(1, Math.min(BUFFERS, Runtime.getRuntime().availableProcessors())), WeightLoader::thread);

    WeightLoader(CudaContext context, CudaStream stream, Kernels kernels) {
        this.context = context;
        this.stream = stream;
        this.kernels = kernels;
        pinned = context.pinned("staging of weights", (long) BUFFERS * BUFFER_BYTES);
        raw = context.allocate("staging of weights", (long) BUFFERS * BUFFER_BYTES);
        for (int i = 0; i < BUFFERS; i++) {
            sent[i] = context.event(false);
        }
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "slim-infer-cuda-weights");
        thread.setDaemon(true);
        return thread;
    }

    /** A piece of a tensor: a file's rows on their way through buffer {@code buffer}. */
    private record Piece(TensorSource source, long from, long to, long element, int buffer) {}

    /**
     * Enqueues everything that brings a tensor to {@code address}, as {@code to}: compute dtype or float32. Returns when the last
     * piece was read from the file.
     */
    void load(TensorSource source, long address, DType to) {
        if (source instanceof RandomTensor random && random.mean() == 0) {
            kernels.fill(stream, address, to, random);
            return;
        }
        long rowBytes = source.columns() * source.dtype().bytes();
        if (rowBytes > BUFFER_BYTES) {
            throw new IllegalArgumentException(source.name() + ": a row of " + rowBytes
                    + " bytes; the CUDA backend loads rows up to " + BUFFER_BYTES);
        }
        long step = BUFFER_BYTES / rowBytes;
        List<Piece> pieces = new ArrayList<>();
        for (long from = 0; from < source.rows(); from += step) {
            long end = Math.min(source.rows(), from + step);
            pieces.add(new Piece(source, from, end, from * source.columns(), pieces.size() % BUFFERS));
        }
        List<Future<?>> reading = new ArrayList<>();
        for (int next = 0, done = 0; done < pieces.size(); done++) {
            for (; next < pieces.size() && next < done + BUFFERS; next++) {
                Piece piece = pieces.get(next);
                sent[piece.buffer].join();
                reading.add(workers.submit(() -> read(piece)));
            }
            join(reading.get(done));
            send(pieces.get(done), address, to);
        }
    }

    /** Reads a tensor that has the compute dtype straight into pinned memory, from byte {@code offset} on. */
    void loadOnHost(TensorSource source, PinnedMemory memory, long offset) {
        long rowBytes = source.columns() * source.dtype().bytes();
        long step = Math.max(1, BUFFER_BYTES / rowBytes);
        List<Future<?>> reading = new ArrayList<>();
        for (long from = 0; from < source.rows(); from += step) {
            long first = from;
            long end = Math.min(source.rows(), from + step);
            reading.add(workers.submit(() -> {
                int bytes = (int) ((end - first) * rowBytes);
                source.copyRows(first, end, memory.buffer(offset + first * rowBytes, bytes));
            }));
        }
        reading.forEach(WeightLoader::join);
    }

    private void read(Piece piece) {
        TensorSource source = piece.source;
        long bytes = (piece.to - piece.from) * source.columns() * source.dtype().bytes();
        source.copyRows(piece.from, piece.to, pinned.buffer((long) piece.buffer * BUFFER_BYTES, (int) bytes));
    }

    private void send(Piece piece, long address, DType to) {
        DType from = piece.source.dtype();
        long count = (piece.to - piece.from) * piece.source.columns();
        long host = pinned.address() + (long) piece.buffer * BUFFER_BYTES;
        long target = address + piece.element * to.bytes();
        if (from == to) {
            stream.copyToDevice(target, host, count * from.bytes());
        } else {
            long landing = raw.address() + (long) piece.buffer * BUFFER_BYTES;
            stream.copyToDevice(landing, host, count * from.bytes());
            kernels.convert(stream, target, to, landing, from, count);
        }
        stream.record(sent[piece.buffer]);
    }

    private static void join(Future<?> reading) {
        try {
            reading.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while weights were loaded", e);
        } catch (java.util.concurrent.ExecutionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : new IllegalStateException(e.getCause());
        }
    }

    /** Waits for what is on its way, and gives the buffers back. */
    @Override
    public void close() {
        workers.shutdownNow();
        if (!context.status().isLost()) {
            stream.synchronize();
        }
        for (CudaEvent event : sent) {
            event.close();
        }
        raw.close();
        pinned.close();
    }
}
