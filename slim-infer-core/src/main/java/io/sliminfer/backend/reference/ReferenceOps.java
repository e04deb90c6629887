package io.sliminfer.backend.reference;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.OpArguments;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.heap.HeapReadback;
import io.sliminfer.backend.heap.HeapTensor;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The operations as formulas. Nothing here is shared with the backends that are compared with it, except storage. */
final class ReferenceOps implements Ops {

    @Override
    public void write(Tensor to, int[] values, int count) {
        OpArguments.write(to, DType.I32, 0, values.length, count);
        for (int i = 0; i < count; i++) {
            HeapTensor.of(to).ints()[HeapTensor.of(to).at(0) + i] = values[i];
        }
    }

    @Override
    public void write(Tensor to, long row, float[] values, int count) {
        OpArguments.write(to, DType.F32, row, values.length, count);
        for (int i = 0; i < count; i++) {
            HeapTensor.of(to).floats()[HeapTensor.of(to).at(row) + i] = values[i];
        }
    }

    @Override
    public void embed(Tensor x, Tensor ids, Weight table) {
        OpArguments.embed(x, ids, table);
        for (int r = 0; r < x.rows(); r++) {
            setRow(x, r, ((ReferenceWeight) table).values()[getInt(ids, r)]);
        }
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Weight gain, float epsilon) {
        OpArguments.rmsNorm(out, x, gain);
        for (int r = 0; r < x.rows(); r++) {
            setRow(out, r, normalised(row(x, r), gain, epsilon));
        }
    }

    private static float[] normalised(float[] x, @Nullable Weight gain, float epsilon) {
        if (gain == null) {
            return x;
        }
        double squares = 0;
        for (float value : x) {
            squares += (double) value * value;
        }
        double scale = 1 / Math.sqrt(squares / x.length + epsilon);
        float[] out = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = (float) (x[i] * scale * ((ReferenceWeight) gain).values()[0][i]);
        }
        return out;
    }

    @Override
    public void linear(Tensor out, Tensor in, Weight w) {
        OpArguments.linear("linear", out, in, w);
        for (int r = 0; r < in.rows(); r++) {
            double[] product = product(row(in, r), w);
            float[] result = new float[product.length];
            for (int n = 0; n < product.length; n++) {
                result[n] = (float) product[n];
            }
            setRow(out, r, result);
        }
    }

    @Override
    public void linearAdd(Tensor x, Tensor in, Weight w) {
        OpArguments.linear("linearAdd", x, in, w);
        for (int r = 0; r < in.rows(); r++) {
            double[] product = product(row(in, r), w);
            float[] result = row(x, r);
            for (int n = 0; n < product.length; n++) {
                result[n] = (float) (result[n] + product[n]);
            }
            setRow(x, r, result);
        }
    }

    @Override
    public void gatedLinear(Tensor out, Tensor in, Weight gateUp) {
        OpArguments.gatedLinear(out, in, gateUp);
        for (int r = 0; r < in.rows(); r++) {
            double[] product = product(row(in, r), gateUp);
            float[] result = new float[product.length / 2];
            for (int n = 0; n < result.length; n++) {
                double gate = product[n];
                double up = product[result.length + n];
                result[n] = (float) (gate / (1 + Math.exp(-gate)) * up);
            }
            setRow(out, r, result);
        }
    }

    /** {@code in * w^T + bias} of one row. */
    private static double[] product(float[] in, Weight weight) {
        ReferenceWeight w = (ReferenceWeight) weight;
        float[] bias = w.bias();
        double[] out = new double[w.values().length];
        for (int n = 0; n < out.length; n++) {
            out[n] = dot(in, w.values()[n]) + (bias == null ? 0 : bias[n]);
        }
        return out;
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    @Override
    public void ropeAndStore(Tensor q, KvView kv, Tensor qkv, HeadLayout heads, Tensor positions) {
        OpArguments.ropeAndStore(q, kv, qkv, heads, positions);
        ReferenceKvPool pool = (ReferenceKvPool) kv.pool();
        int d = heads.headDim();
        int row = 0;
        for (KvView.Sequence sequence : kv.sequences()) {
            float[][][] keys = new float[sequence.queries()][heads.kvHeads()][];
            float[][][] values = new float[sequence.queries()][heads.kvHeads()][];
            for (int i = 0; i < sequence.queries(); i++, row++) {
                float[] rope = row(heads.rope(), getInt(positions, row));
                float[] in = row(qkv, row);
                float[] queries = row(q, row);
                for (int h = 0; h < heads.heads(); h++) {
                    float[] head = normalised(slice(in, h * d, d), heads.queryNorm(), heads.normEpsilon());
                    System.arraycopy(rotated(head, rope), 0, queries, h * d, d);
                }
                setRow(q, row, queries);
                for (int h = 0; h < heads.kvHeads(); h++) {
                    float[] key = slice(in, heads.queryColumns() + h * d, d);
                    keys[i][h] = rotated(normalised(key, heads.keyNorm(), heads.normEpsilon()), rope);
                    values[i][h] = slice(in, heads.queryColumns() + heads.kvColumns() + h * d, d);
                }
            }
            pool.store(sequence, keys, values);
        }
    }

    /** Turns each pair (i, i + d/2) by the angle whose cosine and sine stand in {@code rope}. */
    private static float[] rotated(float[] x, float[] rope) {
        int half = x.length / 2;
        float[] out = new float[x.length];
        for (int i = 0; i < half; i++) {
            double cos = rope[i];
            double sin = rope[half + i];
            out[i] = (float) (x[i] * cos - x[half + i] * sin);
            out[half + i] = (float) (x[half + i] * cos + x[i] * sin);
        }
        return out;
    }

    @Override
    public void attend(Tensor out, Tensor q, KvView kv, HeadLayout heads, float scale) {
        OpArguments.attend(out, q, kv, heads);
        ReferenceKvPool pool = (ReferenceKvPool) kv.pool();
        int d = heads.headDim();
        int row = 0;
        for (KvView.Sequence sequence : kv.sequences()) {
            for (int i = 0; i < sequence.queries(); i++, row++) {
                int visible = sequence.tokens() - sequence.queries() + i + 1;
                float[] queries = row(q, row);
                float[] result = new float[queries.length];
                for (int h = 0; h < heads.heads(); h++) {
                    float[] query = slice(queries, h * d, d);
                    double[] p = new double[visible];
                    for (int t = 0; t < visible; t++) {
                        p[t] = scale * dot(query, pool.key(sequence, t, h / heads.group()));
                    }
                    softmax(p);
                    for (int j = 0; j < d; j++) {
                        double sum = 0;
                        for (int t = 0; t < visible; t++) {
                            sum += p[t] * pool.value(sequence, t, h / heads.group())[j];
                        }
                        result[h * d + j] = (float) sum;
                    }
                }
                setRow(out, row, result);
            }
        }
    }

    private static void softmax(double[] x) {
        double max = Double.NEGATIVE_INFINITY;
        for (double value : x) {
            max = Math.max(max, value);
        }
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            x[i] = Math.exp(x[i] - max);
            sum += x[i];
        }
        for (int i = 0; i < x.length; i++) {
            x[i] /= sum;
        }
    }

    @Override
    public void scoreBlocks(Tensor scores, Tensor window, KvView kv, HeadLayout heads, float scale, PruneShape shape) {
        OpArguments.scoreBlocks(scores, window, kv, heads, shape);
        ReferenceKvPool pool = (ReferenceKvPool) kv.pool();
        KvView.Sequence sequence = kv.sequences().get(0);
        int d = heads.headDim();

        // Units: consecutive tokens inside a block; the last of a block may be shorter.
        List<Integer> rankOf = new ArrayList<>();
        List<Integer> firstOf = new ArrayList<>();
        List<Integer> sizeOf = new ArrayList<>();
        for (int rank = 0; rank < shape.liveBlocks(); rank++) {
            for (int t = 0; t < shape.tokensOf(rank); t += shape.unit()) {
                rankOf.add(rank);
                firstOf.add(rank * shape.block() + t);
                sizeOf.add(Math.min(shape.unit(), shape.tokensOf(rank) - t));
            }
        }

        double[] unitScores = new double[rankOf.size()];
        for (int h = 0; h < heads.heads(); h++) {
            double[][] means = new double[unitScores.length][d];
            for (int u = 0; u < means.length; u++) {
                for (int t = 0; t < sizeOf.get(u); t++) {
                    float[] key = pool.key(sequence, firstOf.get(u) + t, h / heads.group());
                    for (int i = 0; i < d; i++) {
                        means[u][i] += (double) key[i] / sizeOf.get(u);
                    }
                }
            }
            for (int w = 0; w < shape.window(); w++) {
                float[] query = slice(row(window, w), h * d, d);
                double[] p = new double[means.length];
                for (int u = 0; u < p.length; u++) {
                    for (int i = 0; i < d; i++) {
                        p[u] += scale * query[i] * means[u][i];
                    }
                }
                softmax(p);
                for (int u = 0; u < p.length; u++) {
                    unitScores[u] += p[u];
                }
            }
        }

        double[] best = new double[shape.liveBlocks()];
        double[] sums = new double[shape.liveBlocks()];
        int[] units = new int[shape.liveBlocks()];
        for (int u = 0; u < unitScores.length; u++) {
            int rank = rankOf.get(u);
            best[rank] = Math.max(best[rank], unitScores[u]);
            sums[rank] += unitScores[u];
            units[rank]++;
        }
        double[] blockScores = new double[shape.liveBlocks()];
        for (int rank = 0; rank < blockScores.length; rank++) {
            blockScores[rank] = switch (shape.aggregation()) {
                case MAX -> best[rank];
                case MEAN -> sums[rank] / units[rank];
                case SUM -> sums[rank];
            };
        }
        for (int rank = 0; rank < blockScores.length; rank++) {
            HeapTensor.of(scores).floats()[HeapTensor.of(scores).at(0) + rank] = (float) blockScores[rank];
        }
    }

    @Override
    public void selectBlocks(Tensor kept, Tensor scores, PruneShape shape) {
        OpArguments.selectBlocks(kept, scores, shape);
        List<Integer> candidates = new ArrayList<>();
        List<Integer> stay = new ArrayList<>();
        for (int rank = 0; rank < shape.liveBlocks(); rank++) {
            boolean isProtected = rank < shape.headBlocks() || rank >= shape.liveBlocks() - shape.tailBlocks();
            (isProtected ? stay : candidates).add(rank);
        }
        HeapTensor table = HeapTensor.of(scores);
        // The sort is stable: among equal scores the lower rank stays first.
        candidates.sort(Comparator.comparing((Integer rank) -> 0 - table.floats()[table.at(0) + rank]));
        stay.addAll(candidates.subList(0, shape.keptCandidates()));
        stay.sort(Comparator.naturalOrder());
        for (int i = 0; i < stay.size(); i++) {
            HeapTensor.of(kept).ints()[HeapTensor.of(kept).at(0) + i] = stay.get(i);
        }
    }

    @Override
    public void keepRows(Tensor out, Tensor in, Tensor kept, PruneShape shape) {
        OpArguments.keepRows(out, in, kept, shape);
        int row = 0;
        for (int k = 0; k < shape.keptBlocks(); k++) {
            int rank = getInt(kept, k);
            for (int t = 0; t < shape.tokensOf(rank); t++) {
                HeapTensor.of(out).copyRows(row++, HeapTensor.of(in), rank * shape.block() + t, 1);
            }
        }
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        OpArguments.argmax(ids, logits);
        HeapTensor to = HeapTensor.of(ids);
        for (int r = 0; r < logits.rows(); r++) {
            float[] values = row(logits, r);
            float max = Float.NEGATIVE_INFINITY;
            boolean valid = true;
            for (float value : values) {
                valid &= !Float.isNaN(value);
                max = Math.max(max, value);
            }
            int id = 0;
            while (id < values.length && values[id] != max) {
                id++;
            }
            to.ints()[to.at(0) + r] = valid && !Float.isInfinite(max) ? id : -1;
        }
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        OpArguments.copy(to, from);
        HeapTensor.of(to).copyRows(0, HeapTensor.of(from), 0, Math.toIntExact(to.rows()));
    }

    @Override
    public void read(Readback to, Tensor from) {
        ((HeapReadback) to).copy(from);
    }

    private static int getInt(Tensor tensor, int index) {
        return HeapTensor.of(tensor).ints()[HeapTensor.of(tensor).at(0) + index];
    }

    private static float[] row(Tensor tensor, int row) {
        return HeapTensor.of(tensor).rows(row, row + 1).toFloats();
    }

    private static void setRow(Tensor tensor, int row, float[] values) {
        System.arraycopy(
                values, 0, HeapTensor.of(tensor).floats(), HeapTensor.of(tensor).at(row), values.length);
    }

    private static float[] slice(float[] from, int at, int count) {
        float[] to = new float[count];
        System.arraycopy(from, at, to, 0, count);
        return to;
    }
}
