package io.sliminfer.engine;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.TensorSource;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The arithmetic of a small model in double and plain loops, sharing no code with the backends: rows of hidden states are
 * {@code double[hidden]}, heads lie one after the other. Bf16 weights, RoPE without scaling.
 */
final class PlainModel {

    final ModelConfig config;
    private final ModelFolder folder;
    private final Map<String, double[][]> tensors = new HashMap<>();

    PlainModel(ModelFolder folder) {
        this.folder = folder;
        this.config = folder.config();
    }

    private double[][] tensor(String name) {
        return tensors.computeIfAbsent(name, key -> {
            TensorSource source = folder.tensor(key);
            double[][] rows = new double[(int) source.rows()][(int) source.columns()];
            ByteBuffer bytes = source.rows(0, source.rows());
            for (double[] row : rows) {
                for (int i = 0; i < row.length; i++) {
                    row[i] = Float.intBitsToFloat(bytes.getShort() << 16);
                }
            }
            return rows;
        });
    }

    double[] embed(int token) {
        return tensor("model.embed_tokens.weight")[token].clone();
    }

    /** Query heads, key heads and value heads of one row, after QK-norm and RoPE. */
    record Heads(double[] q, double[] k, double[] v) {}

    Heads project(int layer, double[] x, int position) {
        String attention = "model.layers." + layer + ".self_attn.";
        double[] normed = norm(x, "model.layers." + layer + ".input_layernorm.weight");
        double[] q = linear(normed, attention + "q_proj", config.attentionBias());
        double[] k = linear(normed, attention + "k_proj", config.attentionBias());
        double[] v = linear(normed, attention + "v_proj", config.attentionBias());
        rotate(q, attention + "q_norm.weight", position);
        rotate(k, attention + "k_norm.weight", position);
        return new Heads(q, k, v);
    }

    private void rotate(double[] heads, String norm, int position) {
        int d = config.headDim();
        for (int from = 0; from < heads.length; from += d) {
            double[] head = Arrays.copyOfRange(heads, from, from + d);
            head = config.qkNorm() ? norm(head, norm) : head;
            for (int i = 0; i < d / 2; i++) {
                // Angles are rounded as transformers rounds them.
                float frequency = 1f / (float) Math.pow(config.rope().theta(), (float) (2 * i) / d);
                double angle = position * frequency;
                double a = head[i];
                double b = head[i + d / 2];
                heads[from + i] = a * Math.cos(angle) - b * Math.sin(angle);
                heads[from + i + d / 2] = b * Math.cos(angle) + a * Math.sin(angle);
            }
        }
    }

    /** Adds attention's output projection to a row. */
    void addAttention(int layer, double[] x, double[] attention) {
        add(x, linear(attention, "model.layers." + layer + ".self_attn.o_proj", config.outputBias()));
    }

    void addMlp(int layer, double[] x) {
        String prefix = "model.layers." + layer + ".";
        double[] normed = norm(x, prefix + "post_attention_layernorm.weight");
        double[] gate = linear(normed, prefix + "mlp.gate_proj", config.mlpBias());
        double[] up = linear(normed, prefix + "mlp.up_proj", config.mlpBias());
        for (int i = 0; i < gate.length; i++) {
            up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
        }
        add(x, linear(up, prefix + "mlp.down_proj", config.mlpBias()));
    }

    float[] logits(double[] x) {
        double[][] head = tensor(config.tiedEmbeddings() ? "model.embed_tokens.weight" : "lm_head.weight");
        double[] normed = norm(x, "model.norm.weight");
        float[] logits = new float[head.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) dot(normed, 0, head[i], 0, normed.length);
        }
        return logits;
    }

    private double[] norm(double[] x, String gain) {
        double scale = 1 / Math.sqrt(dot(x, 0, x, 0, x.length) / x.length + config.normEpsilon());
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = x[i] * scale * tensor(gain)[0][i];
        }
        return out;
    }

    private double[] linear(double[] x, String name, boolean hasBias) {
        double[][] weight = tensor(name + ".weight");
        double[] out = hasBias ? tensor(name + ".bias")[0].clone() : new double[weight.length];
        for (int i = 0; i < out.length; i++) {
            out[i] += dot(x, 0, weight[i], 0, x.length);
        }
        return out;
    }

    private static void add(double[] x, double[] more) {
        for (int i = 0; i < x.length; i++) {
            x[i] += more[i];
        }
    }

    static double dot(double[] a, int fromA, double[] b, int fromB, int count) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += a[fromA + i] * b[fromB + i];
        }
        return sum;
    }

    static void softmax(double[] x) {
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
}
