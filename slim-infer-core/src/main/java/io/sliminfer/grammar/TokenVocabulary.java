package io.sliminfer.grammar;

import java.util.Arrays;
import java.util.BitSet;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What the tokens of a vocabulary stand for, as a trie of their bytes. Nodes are numbered in preorder, so that a walk is a loop over
 * arrays that skips what it rules out. Immutable; built once for a tokenizer.
 */
public final class TokenVocabulary {

    private static final int NO_TOKEN = -1;

    private final byte[] @Nullable [] bytes;
    private final BitSet notFirst;
    private final int longest;

    // The trie. Node 0 is the root.
    final byte[] labels;
    final int[] depths;
    final int[] ends;
    final int[] tokens;
    /** A further token with the same bytes, for each token. */
    final int[] twins;

    private final int nodes;

    private TokenVocabulary(byte[] @Nullable [] bytes, BitSet notFirst) {
        this.bytes = bytes;
        this.notFirst = notFirst;
        Integer[] sorted = new Integer[bytes.length];
        Arrays.setAll(sorted, i -> i);
        Arrays.sort(sorted, (a, b) -> Arrays.compareUnsigned(bytesOrEmpty(a), bytesOrEmpty(b)));
        long all = 1;
        int length = 0;
        for (byte[] token : bytes) {
            all += token == null ? 0 : token.length;
            length = Math.max(length, token == null ? 0 : token.length);
        }
        longest = length;
        int capacity = Math.toIntExact(all);
        byte[] label = new byte[capacity];
        int[] depth = new int[capacity];
        int[] end = new int[capacity];
        int[] token = new int[capacity];
        twins = new int[bytes.length];
        Arrays.fill(token, NO_TOKEN);
        Arrays.fill(twins, NO_TOKEN);
        int[] path = new int[longest + 1]; // the last token's nodes
        int count = 1;
        byte[] last = {};
        for (int id : sorted) {
            byte[] current = bytesOrEmpty(id);
            if (current.length == 0) {
                continue;
            }
            int common = Arrays.mismatch(last, current);
            common = common < 0 ? current.length : common;
            for (int i = common; i < last.length; i++) {
                end[path[i + 1]] = count;
            }
            for (int i = common; i < current.length; i++) {
                path[i + 1] = count;
                label[count] = current[i];
                depth[count] = i + 1;
                count++;
            }
            int node = path[current.length];
            twins[id] = token[node];
            token[node] = id;
            last = current;
        }
        for (int i = 0; i <= last.length; i++) {
            end[path[i]] = count;
        }
        nodes = count;
        labels = Arrays.copyOf(label, count);
        depths = Arrays.copyOf(depth, count);
        ends = Arrays.copyOf(end, count);
        tokens = Arrays.copyOf(token, count);
    }

    /**
     * @param size  ids are below it
     * @param bytes of an id; null or empty for ids that stand for no text, such as control tokens, which are never allowed
     */
    public static TokenVocabulary of(int size, IntFunction<byte @Nullable []> bytes) {
        return of(size, bytes, id -> true);
    }

    /**
     * @param first whether a token at the start of an answer stands for the same bytes as elsewhere; others are not allowed there
     */
    public static TokenVocabulary of(
            int size, IntFunction<byte @Nullable []> bytes, java.util.function.IntPredicate first) {
        byte[] @Nullable [] all = new byte[size][];
        BitSet notFirst = new BitSet();
        for (int id = 0; id < size; id++) {
            byte[] own = bytes.apply(id);
            all[id] = own == null || own.length == 0 ? null : own.clone();
            notFirst.set(id, all[id] != null && !first.test(id));
        }
        return new TokenVocabulary(all, notFirst);
    }

    private byte[] bytesOrEmpty(int id) {
        byte[] own = bytes[id];
        return own == null ? new byte[0] : own;
    }

    /** Ids are below it. */
    public int size() {
        return bytes.length;
    }

    /** Words of a mask. */
    int words() {
        return (bytes.length + 63) / 64;
    }

    /** Most bytes of a token. */
    int longest() {
        return longest;
    }

    int nodes() {
        return nodes;
    }

    /** Bytes of a token, or null if it stands for none; not a copy. */
    byte @Nullable [] bytes(int id) {
        return id < 0 || id >= bytes.length ? null : bytes[id];
    }

    /** Tokens that stand for other bytes at the start of an answer. */
    BitSet notFirst() {
        return notFirst;
    }

    /** Adds the tokens of a node to a mask. */
    void allow(int node, long[] mask) {
        for (int token = tokens[node]; token != NO_TOKEN; token = twins[token]) {
            mask[token >> 6] |= 1L << token;
        }
    }
}
