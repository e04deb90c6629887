package io.sliminfer.benchmarks.calibrate;

import java.util.List;

/**
 * How far a pruned answer is from the dense one.
 *
 * @param divergence KL(dense || pruned) in nats, summed over the answer's tokens up to the first that differs: until then both have
 *                   seen the same text, and by the chain rule the sum is the divergence of the answers' beginnings along the dense one
 * @param agreement  1 if no token differs, else 0; means of several are shares
 */
public record Change(double divergence, double agreement) {

    static Change between(AnswerLogits dense, AnswerLogits pruned) {
        double divergence = 0;
        int steps = Math.min(dense.steps().size(), pruned.steps().size());
        for (int step = 0; step < steps; step++) {
            float[] from = dense.steps().get(step);
            float[] to = pruned.steps().get(step);
            divergence += divergence(from, to);
            if (best(from) != best(to)) {
                return new Change(divergence, 0);
            }
        }
        return new Change(divergence, 1);
    }

    /** The mean of several. */
    static Change mean(List<Change> changes) {
        return new Change(
                changes.stream().mapToDouble(Change::divergence).average().orElseThrow(),
                changes.stream().mapToDouble(Change::agreement).average().orElseThrow());
    }

    /** KL(p || q) of the softmax of two vectors of logits, in nats. */
    static double divergence(float[] p, float[] q) {
        double pLogSum = logSum(p);
        double qLogSum = logSum(q);
        double divergence = 0;
        for (int i = 0; i < p.length; i++) {
            double pLog = p[i] - pLogSum;
            if (pLog != Double.NEGATIVE_INFINITY) {
                divergence += Math.exp(pLog) * (pLog - (q[i] - qLogSum));
            }
        }
        return Math.max(0, divergence); // rounding can take it just below
    }

    private static double logSum(float[] logits) {
        double max = logits[best(logits)];
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return max + Math.log(sum);
    }

    /** As the engine samples greedily: the lowest of the ids with the highest logit. */
    private static int best(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }
}
