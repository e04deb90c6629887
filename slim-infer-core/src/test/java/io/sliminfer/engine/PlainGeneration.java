package io.sliminfer.engine;

import io.sliminfer.engine.PlainModel.Heads;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Pruned prefill and decode with budgets, word by word after docs/algorithm.md: blocks are indexes, tokens carry their position,
 * nothing is a slot or a rank.
 */
final class PlainGeneration {

    private final PlainModel model;
    private final PruneSchedule schedule;
    private final double swapThreshold;
    private final int promptTokens;
    /** What each layer has cached, in order of position. */
    private final List<List<Token>> cache = new ArrayList<>();
    /** Blocks live after the pruning layer that is the key. */
    private final Map<Integer, Set<Integer>> live = new HashMap<>();
    /** Active blocks after the pruning layer that is the key. */
    private final Map<Integer, Set<Integer>> active = new HashMap<>();

    private int position;
    /**
     * Smallest relative distance, over all decisions so far, between the last block taken and the first left, or between the score held
     * and the mass asked for.
     */
    double margin = Double.POSITIVE_INFINITY;

    private record Token(int position, double[] k, double[] v) {}

    /** Prefills. */
    PlainGeneration(PlainModel model, int[] prompt, PruneSchedule schedule, double swapThreshold) {
        this.model = model;
        this.schedule = schedule;
        this.swapThreshold = swapThreshold;
        this.promptTokens = prompt.length;
        Map<Integer, double[]> rows = new TreeMap<>();
        for (int i = 0; i < prompt.length; i++) {
            rows.put(i, model.embed(prompt[i]));
        }
        Set<Integer> blocks = new TreeSet<>();
        rows.keySet().forEach(row -> blocks.add(row / schedule.block()));
        for (int layer = 0; layer < model.config.layers(); layer++) {
            prefill(layer, rows, blocks);
        }
        position = prompt.length;
    }

    private void prefill(int layer, Map<Integer, double[]> rows, Set<Integer> blocks) {
        List<Token> tokens = new ArrayList<>();
        List<double[]> window = new ArrayList<>();
        cache.add(tokens);
        for (Map.Entry<Integer, double[]> row : rows.entrySet()) {
            Heads heads = model.project(layer, row.getValue(), row.getKey());
            tokens.add(new Token(row.getKey(), heads.k(), heads.v()));
            if (row.getKey() >= promptTokens - schedule.window()) {
                window.add(heads.q());
            }
            model.addAttention(layer, row.getValue(), attend(heads.q(), tokens));
        }
        PruneStep step = stepAt(layer);
        if (step != null) {
            Set<Integer> kept = choose(layer, window, blocks, step.budget());
            blocks.retainAll(kept);
            rows.keySet().removeIf(row -> !kept.contains(row / schedule.block()));
            live.put(layer, kept);
        }
        rows.values().forEach(row -> model.addMlp(layer, row));
    }

    /** One generated token; gives the logits after it. */
    float[] step(int token) {
        double[] x = model.embed(token);
        Set<Integer> visible = null; // stage 0: all
        for (int layer = 0; layer < model.config.layers(); layer++) {
            Heads heads = model.project(layer, x, position);
            cache.get(layer).add(new Token(position, heads.k(), heads.v()));
            List<Token> tokens = new ArrayList<>();
            for (Token cached : cache.get(layer)) {
                if (cached.position >= promptTokens || visible == null || visible.contains(blockOf(cached))) {
                    tokens.add(cached);
                }
            }
            model.addAttention(layer, x, attend(heads.q(), tokens));
            PruneStep step = stepAt(layer);
            if (step != null) {
                visible = live.get(layer);
                if (step.decode() != null && step.decode().tokens(promptTokens) < tokensOf(visible)) {
                    Set<Integer> wanted = choose(layer, List.of(heads.q()), visible, step.decode());
                    visible = active.merge(layer, wanted, this::swap);
                }
            }
            model.addMlp(layer, x);
        }
        position++;
        return model.logits(x);
    }

    private Set<Integer> swap(Set<Integer> old, Set<Integer> wanted) {
        Set<Integer> shared = new TreeSet<>(old);
        shared.retainAll(wanted);
        return (double) shared.size() / wanted.size() < swapThreshold ? wanted : old;
    }

    /** Blocks that stayed live after a pruning layer. */
    List<Integer> live(int layer) {
        return List.copyOf(live.get(layer));
    }

    /** Blocks that the last step attended to after a pruning layer. */
    List<Integer> active(int layer) {
        return List.copyOf(active.getOrDefault(layer, live.get(layer)));
    }

    private @Nullable PruneStep stepAt(int layer) {
        for (PruneStep step : schedule.steps()) {
            if (step.layer() == layer) {
                return step;
            }
        }
        return null;
    }

    private int blockOf(Token token) {
        return token.position / schedule.block();
    }

    private int tokensOf(Set<Integer> blocks) {
        int tokens = 0;
        for (int block : blocks) {
            tokens += Math.min(promptTokens, (block + 1) * schedule.block()) - block * schedule.block();
        }
        return tokens;
    }

    private double[] attend(double[] q, List<Token> tokens) {
        int d = model.config.headDim();
        int group = model.config.heads() / model.config.kvHeads();
        double[] out = new double[q.length];
        for (int h = 0; h < model.config.heads(); h++) {
            double[] p = new double[tokens.size()];
            for (int t = 0; t < p.length; t++) {
                p[t] = PlainModel.dot(q, h * d, tokens.get(t).k, h / group * d, d) / Math.sqrt(d);
            }
            PlainModel.softmax(p);
            for (int t = 0; t < p.length; t++) {
                for (int i = 0; i < d; i++) {
                    out[h * d + i] += p[t] * tokens.get(t).v[h / group * d + i];
                }
            }
        }
        return out;
    }

    /** Protected blocks, then the others by falling score until the next would pass the budget. */
    private Set<Integer> choose(int layer, List<double[]> queries, Set<Integer> blocks, Budget budget) {
        Map<Integer, Double> scores = score(layer, queries, blocks);
        Set<Integer> chosen = new TreeSet<>();
        List<Integer> others = new ArrayList<>();
        for (int block : blocks) {
            boolean sink = block * schedule.block() < schedule.sink();
            boolean window = (block + 1) * schedule.block() > promptTokens - schedule.window();
            (sink || window ? chosen : others).add(block);
        }
        others.sort(Comparator.comparing((Integer block) -> -scores.get(block)).thenComparing(block -> block));
        if (budget instanceof Budget.Mass mass && mass.mass() < 1) {
            return chooseByMass(mass, scores, others, chosen);
        }
        double last = Double.NaN;
        for (int block : others) {
            if (tokensOf(chosen) + schedule.block() > budget.tokens(promptTokens)) {
                if (!Double.isNaN(last)) {
                    margin = Math.min(margin, (last - scores.get(block)) / last);
                }
                break;
            }
            chosen.add(block);
            last = scores.get(block);
        }
        return chosen;
    }

    /** By falling score until the mass is reached; the floor's blocks in any case, and never more than the ceiling's. */
    private Set<Integer> chooseByMass(
            Budget.Mass mass, Map<Integer, Double> scores, List<Integer> others, Set<Integer> chosen) {
        double total = others.stream().mapToDouble(scores::get).sum();
        double held = 0;
        for (int i = 0; i < others.size(); i++) {
            int tokens = tokensOf(chosen) + schedule.block();
            boolean belowFloor = tokens <= mass.floor().tokens(promptTokens);
            boolean aboveCeiling = tokens > mass.ceiling().tokens(promptTokens);
            double last = i == 0 ? Double.NaN : scores.get(others.get(i - 1));
            double next = scores.get(others.get(i));
            if (!belowFloor && !aboveCeiling) {
                // Another sum at this place could end the choice here or not.
                margin = Math.min(margin, Math.abs(held / total - mass.mass()));
            }
            if (aboveCeiling || (!belowFloor && held >= mass.mass() * total)) {
                margin = i == 0 ? margin : Math.min(margin, (last - next) / last);
                break;
            }
            chosen.add(others.get(i));
            held += next;
        }
        return chosen;
    }

    /** For each block the highest score of its units: their share of the softmax, summed over heads and queries. */
    private Map<Integer, Double> score(int layer, List<double[]> queries, Set<Integer> blocks) {
        int d = model.config.headDim();
        int group = model.config.heads() / model.config.kvHeads();
        List<List<Token>> units = new ArrayList<>();
        int lastUnit = -1;
        for (Token token : cache.get(layer)) {
            if (token.position >= promptTokens || !blocks.contains(blockOf(token))) {
                continue;
            }
            // Counts up through a block's units; no two blocks share a number.
            int unit = blockOf(token) * schedule.block() + token.position % schedule.block() / schedule.unit();
            if (unit != lastUnit) {
                units.add(new ArrayList<>());
                lastUnit = unit;
            }
            units.get(units.size() - 1).add(token);
        }
        Map<Integer, Double> scores = new HashMap<>();
        double[] unitScores = new double[units.size()];
        for (int h = 0; h < model.config.heads(); h++) {
            for (double[] q : queries) {
                double[] p = new double[unitScores.length];
                for (int u = 0; u < p.length; u++) {
                    for (Token token : units.get(u)) {
                        p[u] += PlainModel.dot(q, h * d, token.k, h / group * d, d);
                    }
                    p[u] /= units.get(u).size() * Math.sqrt(d);
                }
                PlainModel.softmax(p);
                for (int u = 0; u < p.length; u++) {
                    unitScores[u] += p[u];
                }
            }
        }
        for (int u = 0; u < unitScores.length; u++) {
            scores.merge(blockOf(units.get(u).get(0)), unitScores[u], Math::max);
        }
        return scores;
    }
}
