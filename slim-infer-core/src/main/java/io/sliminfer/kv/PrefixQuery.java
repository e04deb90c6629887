package io.sliminfer.kv;

/**
 * What a prompt can take from earlier ones, and leave to later ones.
 *
 * @param prompt      its ids
 * @param layers      layers whose attention sees the whole prompt, so that their keys and values depend on no later token
 * @param hiddenLayer the last of these layers if the prompt is pruned there: its hidden rows are needed besides; else {@link #DENSE}
 * @param tokensMax   most tokens to take: those behind must run
 */
public record PrefixQuery(int[] prompt, int layers, int hiddenLayer, int tokensMax) {

    /** In place of a hidden layer: the prompt is pruned nowhere. */
    public static final int DENSE = -1;

    /** For a prompt that is neither shared nor served. */
    public static PrefixQuery none() {
        return new PrefixQuery(new int[0], 0, DENSE, 0);
    }
}
