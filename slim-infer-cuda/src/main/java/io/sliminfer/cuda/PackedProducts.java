package io.sliminfer.cuda;

import io.sliminfer.format.DType;

/**
 * Products with packed weights. Few rows: the weight is read as it is, eight rows at a time. Many rows: it is unpacked to the compute
 * dtype and multiplied by the library; in a prefill once for all tiles of a layer. Engine thread only.
 */
final class PackedProducts {

    /**
     * Rows up to which a weight is read once for eight of them. Unpacking an int8 weight moves five times its bytes (read, written in 16
     * bits, read again), one of 4 bits eight to nine times.
     */
    static final int ROWS_FEW = 32;

    private final CudaStream stream;
    private final DType compute;
    private final PackedKernels kernels;
    private final Gemm gemm;
    private final UnpackedWeights unpacked;

    PackedProducts(CudaStream stream, DType compute, PackedKernels kernels, Gemm gemm, UnpackedWeights unpacked) {
        this.stream = stream;
        this.compute = compute;
        this.kernels = kernels;
        this.gemm = gemm;
        this.unpacked = unpacked;
    }

    /**
     * {@code out = in * w^T}, or added to out.
     *
     * @return whether the bias is in it
     */
    boolean multiply(CudaTensor out, CudaTensor in, CudaWeight w, boolean add) {
        if (in.rows() <= ROWS_FEW || !multiplyUnpacked(out, in, w, add)) {
            w.parts().forEach(part -> multiplyFew(out, in, part, w.bias(), add));
            return true;
        }
        return false;
    }

    private void multiplyFew(CudaTensor out, CudaTensor in, PackedPart part, long bias, boolean add) {
        for (long from = 0; from < in.rows(); from += Kernels.GEMV_ROWS) {
            long to = Math.min(in.rows(), from + Kernels.GEMV_ROWS);
            kernels.product(stream, out.rows(from, to), in.rows(from, to), part, bias, add);
        }
    }

    /** False, with nothing done, where the library has no product of such sizes. */
    private boolean multiplyUnpacked(CudaTensor out, CudaTensor in, CudaWeight w, boolean add) {
        long rowBytes = w.columns() * compute.bytes();
        if (w.rows() * rowBytes <= unpacked.capacity()) {
            long whole = unpacked.find(w);
            if (whole == 0) {
                whole = unpacked.take(w, w.rows() * rowBytes);
                for (PackedPart part : w.parts()) {
                    kernels.unpack(stream, whole + part.firstRow() * rowBytes, part);
                }
            }
            return multiply(out, in, whole, 0, w.rows(), add);
        }
        long step = unpacked.capacity() / rowBytes / PackedForm.TILE_ROWS * PackedForm.TILE_ROWS;
        if (step == 0) {
            return false;
        }
        for (PackedPart part : w.parts()) {
            for (long from = 0; from < part.rows(); from += step) {
                PackedPart piece = part.slice(part.firstRow() + from, Math.min(step, part.rows() - from));
                if (piece == null) {
                    throw new IllegalStateException(w.name() + ": row " + from + " of a part begins no tile");
                }
                long dense = unpacked.take(null, piece.rows() * rowBytes);
                kernels.unpack(stream, dense, piece);
                if (!multiply(out, in, dense, piece.firstRow(), piece.rows(), add)) {
                    // The library needs 16-byte aligned rows, which all pieces of a matrix have or none.
                    multiplyFew(out, in, piece, 0, add);
                }
            }
        }
        return true;
    }

    private boolean multiply(CudaTensor out, CudaTensor in, long dense, long firstRow, long rows, boolean add) {
        int k = (int) in.columns();
        return gemm.multiply(
                stream,
                out.address() + firstRow * out.dtype().bytes(),
                out.dtype(),
                out.columns(),
                in.address(),
                k,
                dense,
                k,
                compute,
                (int) in.rows(),
                (int) rows,
                k,
                add);
    }

    /**
     * {@code out = silu(in * gate^T + bias) * (in * up^T + bias)} in one go.
     *
     * @return false, with nothing done, if there are too many rows, or gate and up are of two forms
     */
    boolean multiplyGated(CudaTensor out, CudaTensor in, CudaWeight w) {
        long inner = out.columns();
        PackedPart gate = w.slice(0, inner);
        PackedPart up = w.slice(inner, inner);
        if (in.rows() > ROWS_FEW || gate == null || up == null || gate.form() != up.form()) {
            return false;
        }
        for (long from = 0; from < in.rows(); from += Kernels.GEMV_ROWS) {
            long to = Math.min(in.rows(), from + Kernels.GEMV_ROWS);
            kernels.gated(stream, out.rows(from, to), in.rows(from, to), gate, up, w.bias());
        }
        return true;
    }
}
