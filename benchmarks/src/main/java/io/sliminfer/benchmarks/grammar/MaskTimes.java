package io.sliminfer.benchmarks.grammar;

import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.TokenConstraint;
import io.sliminfer.grammar.TokenGrammar;
import io.sliminfer.grammar.TokenVocabulary;
import java.util.Arrays;
import java.util.Set;

/**
 * What a format costs in processor time: compiled once, then for each token of a document its mask and its acceptance, without what
 * the sampler does with the mask.
 *
 * @param schemaMillis schema to grammar
 * @param masksMillis  grammar to token grammar, with the masks that are made ahead
 * @param firstMicros  of each token of the first document
 * @param laterMicros  of each token of later documents, all rounds
 */
record MaskTimes(String name, double schemaMillis, double masksMillis, double[] firstMicros, double[] laterMicros) {

    /** @param warmUps times that everything is done before it is measured, with grammars of their own */
    static MaskTimes measure(
            SchemaCase format, int[] tokens, TokenVocabulary vocabulary, int stopId, int warmUps, int rounds) {
        MaskTimes last = null;
        for (int i = 0; i <= warmUps; i++) {
            long start = CpuClock.nanos();
            Grammar grammar = format.grammar().get();
            long compiled = CpuClock.nanos();
            TokenGrammar constraint = new TokenGrammar(grammar, vocabulary);
            long made = CpuClock.nanos();
            double[] first = pass(constraint, tokens, stopId);
            double[] later = new double[rounds * tokens.length];
            for (int round = 0; round < rounds; round++) {
                System.arraycopy(pass(constraint, tokens, stopId), 0, later, round * tokens.length, tokens.length);
            }
            last = new MaskTimes(format.name(), (compiled - start) / 1e6, (made - compiled) / 1e6, first, later);
        }
        return last;
    }

    private static double[] pass(TokenConstraint constraint, int[] tokens, int stopId) {
        TokenConstraint.State state = constraint.begin(Set.of(stopId));
        double[] micros = new double[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            long start = CpuClock.nanos();
            long[] mask = state.allowed();
            boolean allowed = (mask[tokens[i] >> 6] >>> tokens[i] & 1) != 0;
            if (!allowed) {
                throw new IllegalStateException("token " + i + " of the document is not allowed");
            }
            state.accept(tokens[i]);
            micros[i] = (CpuClock.nanos() - start) / 1e3;
        }
        if (!state.isComplete()) {
            throw new IllegalStateException("the document is not complete");
        }
        return micros;
    }

    static double mean(double[] micros) {
        return Arrays.stream(micros).average().orElse(0);
    }

    /** @param share 0.5 for the median */
    static double quantile(double[] micros, double share) {
        double[] sorted = micros.clone();
        Arrays.sort(sorted);
        return sorted[(int) Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    }
}
