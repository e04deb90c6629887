package io.sliminfer.backend;

import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;

/**
 * Checks the arguments of {@link Ops} before any memory is touched, the same way for every backend: shapes that do not fit are
 * bugs of the caller and end as {@link IllegalArgumentException} with the op's name and the sizes found. Builds no text and
 * allocates nothing unless a check fails. Tensors may have more rows than an op writes only where {@link Ops} says so.
 */
public final class OpArguments {

    private OpArguments() {}

    public static void write(Tensor to, DType dtype, long row, int available, int count) {
        requireDType("write", "to", to, dtype);
        long room = (to.rows() - row) * to.columns();
        if (row < 0 || count < 0 || count > room || count > available) {
            throw new IllegalArgumentException("write: " + count + " values of an array of " + available
                    + " do not fit from row " + row + " of " + shape(to));
        }
    }

    public static void embed(Tensor x, Tensor ids, Weight table) {
        requireDType("embed", "x", x, DType.F32);
        requireDType("embed", "ids", ids, DType.I32);
        requireElements("embed", "ids", ids, x.rows());
        require(x.columns() == table.columns(), "embed", "x", x, "table", table);
    }

    public static void rmsNorm(Tensor out, Tensor x, Weight gain) {
        requireDType("rmsNorm", "x", x, DType.F32);
        require(out.rows() == x.rows() && out.columns() == x.columns(), "rmsNorm", "out", out, "x", x);
        requireGain("rmsNorm", gain, x.columns());
    }

    /** Also for {@code linearAdd}. */
    public static void linear(String op, Tensor out, Tensor in, Weight w) {
        require(in.columns() == w.columns(), op, "in", in, "w", w);
        require(out.columns() == w.rows(), op, "out", out, "w", w);
        require(out.rows() == in.rows(), op, "out", out, "in", in);
        requireApart(op, out, in);
    }

    public static void gatedLinear(Tensor out, Tensor in, Weight gateUp) {
        require(in.columns() == gateUp.columns(), "gatedLinear", "in", in, "gateUp", gateUp);
        require(2 * out.columns() == gateUp.rows(), "gatedLinear", "out", out, "gateUp", gateUp);
        require(out.rows() == in.rows(), "gatedLinear", "out", out, "in", in);
        requireApart("gatedLinear", out, in);
    }

    public static void ropeAndStore(Tensor q, KvView kv, Tensor qkv, HeadLayout heads, Tensor positions) {
        String op = "ropeAndStore";
        requireDType(op, "qkv", qkv, DType.F32);
        requireDType(op, "positions", positions, DType.I32);
        requireElements(op, "positions", positions, qkv.rows());
        requireDType(op, "rope", heads.rope(), DType.F32);
        requireColumns(op, "rope", heads.rope(), heads.headDim());
        requireColumns(op, "q", q, heads.queryColumns());
        requireColumns(op, "qkv", qkv, heads.queryColumns() + 2L * heads.kvColumns());
        require(q.rows() == qkv.rows(), op, "q", q, "qkv", qkv);
        if (heads.queryNorm() != null) {
            requireGain(op, heads.queryNorm(), heads.headDim());
        }
        if (heads.keyNorm() != null) {
            requireGain(op, heads.keyNorm(), heads.headDim());
        }
        requireView(op, kv, heads, q);
    }

    public static void attend(Tensor out, Tensor q, KvView kv, HeadLayout heads) {
        requireColumns("attend", "q", q, heads.queryColumns());
        require(out.rows() == q.rows() && out.columns() == q.columns(), "attend", "out", out, "q", q);
        requireView("attend", kv, heads, q);
    }

    public static void scoreBlocks(Tensor scores, Tensor window, KvView kv, HeadLayout heads, PruneShape shape) {
        String op = "scoreBlocks";
        requireDType(op, "scores", scores, DType.F32);
        requireElements(op, "scores", scores, shape.liveBlocks());
        requireColumns(op, "window", window, heads.queryColumns());
        if (window.rows() != shape.window()) {
            throw new IllegalArgumentException(op + ": window has shape " + shape(window)
                    + ", but its rows must be the " + shape.window() + " of the prune shape");
        }
        if (kv.sequences().size() != 1 || kv.sequences().get(0).tokens() != shape.liveTokens()) {
            throw new IllegalArgumentException(op + ": needs one sequence of " + shape.liveTokens() + " tokens, got "
                    + kv.sequences().size() + ", the first of "
                    + (kv.sequences().isEmpty() ? 0 : kv.sequences().get(0).tokens()) + " tokens");
        }
        requireSlots(op, kv, heads);
    }

    public static void selectBlocks(Tensor kept, Tensor scores, PruneShape shape) {
        requireDType("selectBlocks", "kept", kept, DType.I32);
        requireDType("selectBlocks", "scores", scores, DType.F32);
        requireElements("selectBlocks", "kept", kept, shape.keptBlocks());
        requireElements("selectBlocks", "scores", scores, shape.liveBlocks());
    }

    public static void keepRows(Tensor out, Tensor in, Tensor kept, PruneShape shape) {
        requireDType("keepRows", "kept", kept, DType.I32);
        requireElements("keepRows", "kept", kept, shape.keptBlocks());
        requireDType("keepRows", "out", out, in.dtype());
        if (in.dtype() != DType.F32 && in.dtype() != DType.I32) {
            throw new IllegalArgumentException("keepRows: in has dtype " + in.dtype() + ", allowed are F32 and I32");
        }
        require(out.columns() == in.columns(), "keepRows", "out", out, "in", in);
        if (in.rows() < shape.liveTokens() || out.rows() < shape.keptTokens()) {
            throw new IllegalArgumentException("keepRows: in " + shape(in) + " and out " + shape(out) + " must hold "
                    + shape.liveTokens() + " and " + shape.keptTokens() + " rows");
        }
    }

    public static void argmax(Tensor ids, Tensor logits) {
        requireDType("argmax", "ids", ids, DType.I32);
        requireDType("argmax", "logits", logits, DType.F32);
        requireElements("argmax", "ids", ids, logits.rows());
    }

    public static void copy(Tensor to, Tensor from) {
        requireDType("copy", "to", to, from.dtype());
        require(to.rows() * to.columns() == from.rows() * from.columns(), "copy", "to", to, "from", from);
    }

    public static void read(Tensor from, int capacity) {
        if (from.dtype() != DType.F32 && from.dtype() != DType.I32) {
            throw new IllegalArgumentException("read: from has dtype " + from.dtype() + ", allowed are F32 and I32");
        }
        if (from.rows() * from.columns() > capacity) {
            throw new IllegalArgumentException(
                    "read: from has shape " + shape(from) + ", the readback holds " + capacity + " elements");
        }
    }

    private static void requireView(String op, KvView kv, HeadLayout heads, Tensor q) {
        if (kv.queries() != q.rows()) {
            throw new IllegalArgumentException(
                    op + ": the KV view has " + kv.queries() + " queries, q has " + q.rows() + " rows");
        }
        requireSlots(op, kv, heads);
    }

    private static void requireSlots(String op, KvView kv, HeadLayout heads) {
        if (heads.kvHeads() < 1 || heads.heads() % heads.kvHeads() != 0 || heads.headDim() % 2 != 0) {
            throw new IllegalArgumentException(op + ": " + heads.heads() + " heads over " + heads.kvHeads()
                    + " KV heads of " + heads.headDim()
                    + " are no layout: heads must divide evenly and the head dimension be even");
        }
        for (int s = 0; s < kv.sequences().size(); s++) {
            KvView.Sequence sequence = kv.sequences().get(s);
            int blocks = (sequence.tokens() + kv.pool().block() - 1) / kv.pool().block();
            if (sequence.queries() < 0 || sequence.queries() > sequence.tokens() || blocks > sequence.slots().length) {
                throw new IllegalArgumentException(op + ": sequence " + s + " has " + sequence.queries()
                        + " queries, " + sequence.tokens() + " tokens and " + sequence.slots().length + " slots of "
                        + kv.pool().block() + " tokens; queries must be among the tokens and all tokens have a slot");
            }
            for (int b = 0; b < blocks; b++) {
                if (sequence.slots()[b] < 0 || sequence.slots()[b] >= kv.pool().slots()) {
                    throw new IllegalArgumentException(op + ": sequence " + s + ", block " + b + " is in slot "
                            + sequence.slots()[b] + "; the pool has slots 0.."
                            + (kv.pool().slots() - 1));
                }
            }
        }
    }

    private static void requireGain(String op, Weight gain, long columns) {
        if (gain.rows() * gain.columns() != columns) {
            throw new IllegalArgumentException(
                    op + ": the gain has shape " + shape(gain) + ", a row has " + columns + " columns");
        }
    }

    // Two views of one tensor can overlap without being the same object; only the plain mistake is caught here.
    private static void requireApart(String op, Tensor out, Tensor in) {
        if (out == in) {
            throw new IllegalArgumentException(op + ": out and in are the same tensor " + shape(out));
        }
    }

    private static void requireDType(String op, String name, Tensor tensor, DType dtype) {
        if (tensor.dtype() != dtype) {
            throw new IllegalArgumentException(
                    op + ": " + name + " has dtype " + tensor.dtype() + ", needed is " + dtype);
        }
    }

    private static void requireElements(String op, String name, Tensor tensor, long elements) {
        if (tensor.rows() * tensor.columns() < elements) {
            throw new IllegalArgumentException(
                    op + ": " + name + " has shape " + shape(tensor) + ", needed are " + elements + " elements");
        }
    }

    private static void requireColumns(String op, String name, Tensor tensor, long columns) {
        if (tensor.columns() != columns) {
            throw new IllegalArgumentException(
                    op + ": " + name + " has shape " + shape(tensor) + ", needed are " + columns + " columns");
        }
    }

    private static void require(boolean fits, String op, String a, Tensor first, String b, Tensor second) {
        if (!fits) {
            throw new IllegalArgumentException(
                    op + ": " + a + " " + shape(first) + " does not fit " + b + " " + shape(second));
        }
    }

    private static void require(boolean fits, String op, String a, Tensor first, String b, Weight second) {
        if (!fits) {
            throw new IllegalArgumentException(
                    op + ": " + a + " " + shape(first) + " does not fit " + b + " " + shape(second));
        }
    }

    private static String shape(Tensor tensor) {
        return "[" + tensor.rows() + ", " + tensor.columns() + "]";
    }

    private static String shape(Weight weight) {
        return "[" + weight.rows() + ", " + weight.columns() + "]";
    }
}
