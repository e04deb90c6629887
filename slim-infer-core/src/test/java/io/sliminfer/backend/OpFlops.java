package io.sliminfer.backend;

/** What operations compute, each multiply-add counted as two. */
public final class OpFlops {

    private OpFlops() {}

    /**
     * @param op        name of a method of {@link Ops}
     * @param arguments its arguments
     */
    public static double of(String op, Object[] arguments) {
        return switch (op) {
            case "linear", "linearAdd", "gatedLinear" -> {
                Weight w = (Weight) arguments[2];
                yield 2.0 * ((Tensor) arguments[1]).rows() * w.rows() * w.columns();
            }
            case "attend" -> attend((KvView) arguments[2], (HeadLayout) arguments[3]);
            default -> 0; // norms, scores, copies: below one per cent
        };
    }

    private static double attend(KvView view, HeadLayout heads) {
        double flops = 0;
        for (KvView.Sequence sequence : view.sequences()) {
            for (int query = 0; query < sequence.queries(); query++) {
                int seen = sequence.tokens() - sequence.queries() + query + 1;
                // A product with each key and one with each value.
                flops += 2.0 * 2 * seen * heads.queryColumns();
            }
        }
        return flops;
    }
}
