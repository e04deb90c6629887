package io.sliminfer.model;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.prune.PrunePlan;

/**
 * Multiply-adds of prefill, counted as two operations each: projections, MLP, causal attention and the output head. Norms,
 * scoring and the like are left out (below one per cent).
 */
public final class FlopCount {

    private FlopCount() {}

    /** FLOPs of a prefill after a plan. */
    public static double prefill(ModelConfig config, PrunePlan plan) {
        double flops = 2.0 * config.hidden() * config.vocabulary();
        for (int layer = 0; layer < config.layers(); layer++) {
            PrunePlan.Stage stage = plan.stageOf(layer);
            boolean last = layer == config.layers() - 1;
            boolean decides = stage.lastLayer() == layer && stage.decision() != null;
            double live = stage.liveTokens();
            double outputs = last && !decides ? 1 : live;
            double mlpRows = decides ? stage.decision().keptTokens() : outputs;
            double pairs = last && !decides ? live : live * (live + 1) / 2;
            flops += attention(config, live, pairs, outputs) + mlp(config, mlpRows);
        }
        return flops;
    }

    /**
     * FLOPs of one layer's attention with its projections.
     *
     * @param rows    that get a query, a key and a value
     * @param pairs   of a query and a key that it sees
     * @param outputs rows whose attention is projected
     */
    static double attention(ModelConfig config, double rows, double pairs, double outputs) {
        return 2 * rows * config.hidden() * (config.queryColumns() + 2.0 * config.kvColumns())
                + 4 * pairs * config.queryColumns()
                + 2 * outputs * config.queryColumns() * config.hidden();
    }

    /** FLOPs of one layer's MLP. */
    static double mlp(ModelConfig config, double rows) {
        return 6 * rows * config.hidden() * config.intermediate();
    }

    /** FLOPs of a dense prefill of as many tokens. */
    public static double dense(ModelConfig config, PrunePlan plan) {
        return prefill(config, PrunePlan.of(plan.schedule().withoutSteps(), plan.promptTokens(), config.layers()));
    }

    /** Share of dense prefill that a plan saves, 0..1. */
    public static double saved(ModelConfig config, PrunePlan plan) {
        return 1 - prefill(config, plan) / dense(config, plan);
    }
}
