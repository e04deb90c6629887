package io.sliminfer.cuda;

import io.sliminfer.format.ChannelQuantiser;
import io.sliminfer.format.DType;
import io.sliminfer.format.QuantisedTensor;
import io.sliminfer.format.RandomTensor;
import io.sliminfer.format.TensorSource;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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

    /** Rows of a piece. */
    private static final long ROWS_MAX = 1 << 16;

    private final CudaContext context;
    private final CudaStream stream;
    private final Kernels kernels;
    private final PackedKernels packed;
    private final PinnedMemory pinned;
    private final DeviceMemory raw;
    /** Two floats for each row of a piece, then three float64: see {@link PackedKernels#quantise}. */
    private final DeviceMemory lossesOfRows;

    private final PinnedMemory lossesOnHost;
    private final ByteBuffer losses;
    private final CudaEvent[] sent = new CudaEvent[BUFFERS];
    private final ExecutorService workers = Executors.newFixedThreadPool(
            Math.max(1, Math.min(BUFFERS, Runtime.getRuntime().availableProcessors())), WeightLoader::thread);

    WeightLoader(CudaContext context, CudaStream stream, Kernels kernels, PackedKernels packed) {
        this.context = context;
        this.stream = stream;
        this.kernels = kernels;
        this.packed = packed;
        pinned = context.pinned("staging of weights", (long) BUFFERS * BUFFER_BYTES);
        raw = context.allocate("staging of weights", (long) BUFFERS * BUFFER_BYTES);
        lossesOfRows = context.allocate("losses of weights", ROWS_MAX * 8 + 24);
        lossesOnHost = context.pinned("losses of weights", 24);
        losses = lossesOnHost.buffer(0, 24).order(ByteOrder.nativeOrder());
        for (int i = 0; i < BUFFERS; i++) {
            sent[i] = context.event(false);
        }
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "slim-infer-cuda-weights");
        thread.setDaemon(true);
        return thread;
    }

    /** Rows of a tensor on their way through buffer {@code buffer}. */
    private record Piece(long from, long to, int buffer) {

        long rows() {
            return to - from;
        }
    }

    /** What brings pieces to the device. */
    private interface Way {

        /** Bytes of a row in the pinned buffer. */
        long rowBytes();

        /** Fills a buffer, on a worker's thread. */
        void read(Piece piece, ByteBuffer into);

        /** Enqueues what follows. */
        void send(Piece piece, long host, long landing);
    }

    /**
     * Enqueues everything that brings a tensor to {@code address}, as {@code to}: compute dtype or float32. Returns when the last
     * piece was read from the file.
     */
    void load(TensorSource source, long address, DType to) {
        if (source instanceof RandomTensor random && random.mean() == 0) {
            kernels.fill(stream, address, to, random);
            return;
        }
        send(source, 1, new NumbersWay(source) {
            @Override
            public void send(Piece piece, long host, long landing) {
                long count = piece.rows() * source.columns();
                long target = address + piece.from * source.columns() * to.bytes();
                if (source.dtype() == to) {
                    stream.copyToDevice(target, host, count * to.bytes());
                } else {
                    stream.copyToDevice(landing, host, count * source.dtype().bytes());
                    kernels.convert(stream, target, to, landing, source.dtype(), count);
                }
            }
        });
    }

    /** Rows as numbers of the source's dtype. */
    private abstract static class NumbersWay implements Way {
        private final TensorSource source;

        NumbersWay(TensorSource source) {
            this.source = source;
        }

        @Override
        public long rowBytes() {
            return source.columns() * source.dtype().bytes();
        }

        @Override
        public void read(Piece piece, ByteBuffer into) {
            source.copyRows(piece.from, piece.to, into);
        }
    }

    /** Enqueues everything that brings a file's blocks to a part that was zero; returns as {@link #load}. */
    void pack(QuantisedTensor source, PackedPart target) {
        send(source, PackedForm.TILE_ROWS, new Way() {
            @Override
            public long rowBytes() {
                return source.blockRowBytes();
            }

            @Override
            public void read(Piece piece, ByteBuffer into) {
                source.copyBlocks(piece.from, piece.to, into);
            }

            @Override
            public void send(Piece piece, long host, long landing) {
                stream.copyToDevice(landing, host, piece.rows() * rowBytes());
                packed.pack(stream, rows(target, piece), landing, rowBytes());
            }
        });
    }

    private static PackedPart rows(PackedPart part, Piece piece) {
        PackedPart rows = part.slice(part.firstRow() + piece.from, piece.rows());
        if (rows == null) {
            throw new IllegalStateException(piece + " begins no tile of " + part);
        }
        return rows;
    }

    /**
     * Brings a tensor to an int8 part that was zero, and waits for it.
     *
     * @throws IllegalArgumentException if a weight is NaN or infinite
     */
    ChannelQuantiser.Loss quantise(TensorSource source, PackedPart target) {
        losses.putDouble(0, 0).putDouble(8, 0).putDouble(16, -1);
        stream.copyToDevice(sums(), lossesOnHost.address(), 24);
        if (source instanceof RandomTensor random && random.mean() == 0 && kernels.fills(random.dtype())) {
            for (long from = 0, step = step(source, PackedForm.TILE_ROWS, rowBytes(source));
                    from < source.rows();
                    from += step) {
                Piece piece = new Piece(from, Math.min(source.rows(), from + step), 0);
                kernels.fill(stream, raw.address(), random.dtype(), random.slice(piece.from, piece.to));
                quantise(source, target, piece, raw.address());
            }
        } else {
            send(source, PackedForm.TILE_ROWS, new NumbersWay(source) {
                @Override
                public void send(Piece piece, long host, long landing) {
                    stream.copyToDevice(landing, host, piece.rows() * rowBytes());
                    quantise(source, target, piece, landing);
                }
            });
        }
        stream.copyToHost(lossesOnHost.address(), sums(), 24);
        stream.synchronize();
        if (losses.getDouble(16) >= 0) {
            throw new IllegalArgumentException(source.name() + ": row " + (long) losses.getDouble(16)
                    + " has a weight that is not a finite number; it cannot be kept in 8 bits");
        }
        return new ChannelQuantiser.Loss(losses.getDouble(0), losses.getDouble(8));
    }

    private void quantise(TensorSource source, PackedPart target, Piece piece, long landing) {
        packed.quantise(
                stream, rows(target, piece), landing, source.dtype(), lossesOfRows.address(), sums(), piece.from);
    }

    /** On the device, behind the losses of rows. */
    private long sums() {
        return lossesOfRows.address() + ROWS_MAX * 8;
    }

    private static long rowBytes(TensorSource source) {
        return source.columns() * source.dtype().bytes();
    }

    /** Rows of a piece: as many as a buffer has room for. */
    private static long step(TensorSource source, int multiple, long rowBytes) {
        long step = Math.min(ROWS_MAX, BUFFER_BYTES / rowBytes) / multiple * multiple;
        if (step == 0) {
            throw new IllegalArgumentException(source.name() + ": a row of " + rowBytes
                    + " bytes; the CUDA backend loads rows up to " + BUFFER_BYTES / multiple);
        }
        return step;
    }

    private void send(TensorSource source, int multiple, Way way) {
        long step = step(source, multiple, way.rowBytes());
        List<Piece> pieces = new ArrayList<>();
        for (long from = 0; from < source.rows(); from += step) {
            pieces.add(new Piece(from, Math.min(source.rows(), from + step), pieces.size() % BUFFERS));
        }
        List<Future<?>> reading = new ArrayList<>();
        for (int next = 0, done = 0; done < pieces.size(); done++) {
            for (; next < pieces.size() && next < done + BUFFERS; next++) {
                Piece piece = pieces.get(next);
                sent[piece.buffer].join();
                int bytes = (int) (piece.rows() * way.rowBytes());
                reading.add(workers.submit(
                        () -> way.read(piece, pinned.buffer((long) piece.buffer * BUFFER_BYTES, bytes))));
            }
            join(reading.get(done));
            Piece piece = pieces.get(done);
            long offset = (long) piece.buffer * BUFFER_BYTES;
            way.send(piece, pinned.address() + offset, raw.address() + offset);
            stream.record(sent[piece.buffer]);
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
        lossesOnHost.close();
        lossesOfRows.close();
        raw.close();
        pinned.close();
    }
}
