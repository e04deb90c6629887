package io.sliminfer.cuda;

import io.sliminfer.format.DType;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Kernels of {@code packed.cu} with their grids, compiled for a form when its first weight is loaded. A method is one launch;
 * arguments were checked by {@link CudaOps}. Engine thread only.
 */
final class PackedKernels {

    private static final String FILE = "packed.cu";

    /** A tile of a bf16 weight with 4,096 columns. */
    private static final int BLOCK_BYTES = 128 << 10;

    private final KernelLibrary library;
    private final DType compute;
    private final int sharedBytesMax;
    private final Map<PackedForm, Form> forms = new EnumMap<>(PackedForm.class);

    /**
     * @param sharedBytesMax that a block can have
     */
    PackedKernels(KernelLibrary library, DType compute, int sharedBytesMax) {
        this.library = library;
        this.compute = compute;
        this.sharedBytesMax = sharedBytesMax;
    }

    /** Products of one row, or of several. */
    private final class Products {
        final int sharedBytes;
        final Kernel product;
        final Kernel productToFloats;
        final Kernel productAdd;
        final Kernel gated;
        final int resident;

        Products(Map<String, Integer> defines, String name, int sharedBytes) {
            this.sharedBytes = sharedBytes;
            product = library.kernel(FILE, name + "_t", defines);
            productToFloats = library.kernel(FILE, name + "_f", defines);
            productAdd = library.kernel(FILE, name + "_add", defines);
            gated = library.kernel(FILE, name + "_gated", defines);
            // All four have the same shared memory, which is what bounds them.
            resident = productAdd.residentBlocks(PackedForm.threads(), sharedBytes);
        }
    }

    /** One form's kernels. */
    private final class Form {
        final Map<String, Integer> defines;
        final Products ofOneRow;
        final Products ofRows;
        final Kernel unpack;
        final Kernel embed;

        Form(PackedForm form) {
            int stages = form.stages(sharedBytesMax);
            defines = form.defines(Kernels.code(compute), stages);
            ofRows = new Products(defines, "packed", compute == DType.F32 ? 0 : form.sharedBytes(stages));
            ofOneRow = form.hasOneRow(compute)
                    ? new Products(defines, "packed_one", form.sharedBytes(PackedForm.oneRowStages(stages)))
                    : ofRows;
            unpack = kernel("unpack");
            embed = kernel("packed_embed");
        }

        Kernel kernel(String entry) {
            return library.kernel(FILE, entry, defines);
        }

        Products products(long rows) {
            return rows == 1 ? ofOneRow : ofRows;
        }
    }

    /**
     * Blocks of a launch: as {@link GemvShape#grid}, but where there are many tiles a block gets as many as have the bytes of one in
     * bf16, so that filling its rings is as small a part of its time.
     *
     * @param tileBytes of a tile, in all parts
     */
    static int grid(long tileBytes, int n, int resident) {
        int tiles = Kernels.up(n, PackedForm.TILE_ROWS);
        int together = (int) Math.max(1, Math.round((double) BLOCK_BYTES / tileBytes));
        return tiles < 2 * resident
                ? Math.min(tiles, resident)
                : Math.max(Math.min(tiles, 2 * resident), Kernels.up(tiles, together));
    }

    private Form form(PackedForm form) {
        Form known = forms.get(form);
        if (known == null) {
            known = new Form(form);
            forms.put(form, known);
        }
        return known;
    }

    /** Compiles what weights of these forms need, side by side. */
    void prepare(List<PackedForm> wanted) {
        library.prepare(wanted.stream()
                .filter(form -> !forms.containsKey(form))
                .map(form -> new KernelLibrary.Request(
                        FILE, form.defines(Kernels.code(compute), form.stages(sharedBytesMax))))
                .toList());
        wanted.forEach(this::form);
    }

    /**
     * {@code out = in * w^T + bias}, or added to float32 {@code out}, 1 to {@link Kernels#GEMV_ROWS} rows: columns {@code w.firstRow() ..}
     * of out.
     *
     * @param bias address of the whole weight's bias, or 0
     */
    void product(CudaStream stream, CudaTensor out, CudaTensor in, PackedPart w, long bias, boolean add) {
        Products products = form(w.form()).products(in.rows());
        int n = (int) w.rows();
        (add ? products.productAdd : out.dtype() == DType.F32 ? products.productToFloats : products.product)
                .args()
                .pointer(out.address() + w.firstRow() * out.dtype().bytes())
                .pointer(in.address())
                .pointer(w.address())
                .pointer(w.scales())
                .pointer(bias == 0 ? 0 : bias + w.firstRow() * Float.BYTES)
                .integer((int) in.rows())
                .integer(n)
                .integer((int) w.columns())
                .integer((int) out.columns())
                .launch(
                        stream,
                        grid(w.form().tileBytes(w.columns()), n, products.resident),
                        1,
                        1,
                        PackedForm.threads(),
                        products.sharedBytes);
    }

    /**
     * {@code out = silu(in * gate^T + bias) * (in * up^T + bias)}: 1 to {@link Kernels#GEMV_ROWS} rows; both of one form.
     *
     * @param bias address of gate's bias with up's behind it, or 0
     */
    void gated(CudaStream stream, CudaTensor out, CudaTensor in, PackedPart gate, PackedPart up, long bias) {
        Products products = form(gate.form()).products(in.rows());
        int inner = (int) gate.rows();
        products.gated
                .args()
                .pointer(out.address())
                .pointer(in.address())
                .pointer(gate.address())
                .pointer(up.address())
                .pointer(gate.scales())
                .pointer(up.scales())
                .pointer(bias)
                .integer((int) in.rows())
                .integer(inner)
                .integer((int) gate.columns())
                .launch(
                        stream,
                        grid(2 * gate.form().tileBytes(gate.columns()), inner, products.resident),
                        1,
                        1,
                        PackedForm.threads(),
                        products.sharedBytes);
    }

    /** Writes the part's rows to {@code out} in compute dtype, each number rounded once. */
    void unpack(CudaStream stream, long out, PackedPart w) {
        long pieces = w.form().bytes(w.rows(), w.columns()) / w.form().tileBytes(16);
        form(w.form())
                .unpack
                .args()
                .pointer(out)
                .pointer(w.address())
                .pointer(w.scales())
                .integer((int) w.rows())
                .integer((int) w.columns())
                .launch(stream, (int) ((pieces + 7) / 8), 1, 1, 256, 0);
    }

    /** {@code x[i] = w[ids[i]]}, float32. */
    void embed(CudaStream stream, CudaTensor x, long ids, PackedPart w) {
        form(w.form())
                .embed
                .args()
                .pointer(x.address())
                .pointer(ids)
                .pointer(w.address())
                .pointer(w.scales())
                .integer((int) x.rows())
                .integer((int) x.columns())
                .launch(stream, (int) x.rows(), Kernels.up((int) x.columns(), 256), 1, 32, 0);
    }

    /** Blocks of a GGUF file at {@code in} to a part that was zero. */
    void pack(CudaStream stream, PackedPart w, long in, long rowBytes) {
        long threads = w.rows() * (w.columns() / 32) * 4;
        form(w.form())
                .kernel("pack")
                .args()
                .pointer(w.address())
                .pointer(in)
                .integer((int) w.rows())
                .integer((int) w.columns())
                .wide(rowBytes)
                .launch(stream, (int) ((threads + 255) / 256), 1, 1, 256, 0);
    }

    /**
     * Rows at {@code in} to int8, and their losses added to {@code sums}.
     *
     * @param loss address of scratch, two floats a row
     * @param sums address of three float64: squares of errors and of weights, and the first row that is not finite, if not negative
     */
    void quantise(CudaStream stream, PackedPart w, long in, DType from, long loss, long sums, long row) {
        Form form = form(PackedForm.INT8);
        form.kernel("quantise_" + from.name().toLowerCase(Locale.ROOT))
                .args()
                .pointer(w.address())
                .pointer(w.scales())
                .pointer(loss)
                .pointer(in)
                .integer((int) w.rows())
                .integer((int) w.columns())
                .launch(stream, (int) w.rows(), 1, 1, 256, 0);
        form.kernel("sum_losses")
                .args()
                .pointer(sums)
                .pointer(loss)
                .pointer(w.scales())
                .integer((int) w.rows())
                .integer((int) row)
                .launch(stream, 1, 1, 1, 1024, 0);
    }
}
