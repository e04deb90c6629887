package io.sliminfer.kv;

/**
 * Where the prefix cache stands.
 *
 * @param slots    device slots that only it holds; they are given up when a request needs them
 * @param requests requests so far
 * @param hits     of these, with tokens that an earlier prompt had left
 * @param tokens   such tokens of all hits
 */
public record PrefixCounts(int slots, long requests, long hits, long tokens) {

    public static final PrefixCounts NONE = new PrefixCounts(0, 0, 0, 0);
}
