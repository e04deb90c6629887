package io.sliminfer.grammar;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Random answers under a grammar's masks, and given ones through them. Wherever it goes, masks and single tokens must agree. */
public final class GrammarWalk {

    /** Tokens after which an answer is steered to its end. */
    private static final int LONG = 120;

    private GrammarWalk() {}

    /** A whole answer of tokens that the masks allow, and its text. */
    public static String random(TokenGrammar grammar, TokenVocabulary vocabulary, Random random) {
        int end = RandomVocabulary.end(vocabulary);
        TokenConstraint.State state = grammar.begin(Set.of(end));
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int count = 0; !state.isFinished(); count++) {
            long[] mask = state.allowed();
            int[] allowed = BitSet.valueOf(mask).stream().toArray();
            require(allowed.length > 0, "no token may follow", text);
            check(state, mask, allowed, vocabulary, random, text);
            int token = choose(allowed, vocabulary, random, count > LONG);
            state.accept(token);
            if (token == end) {
                break;
            }
            text.writeBytes(vocabulary.bytes(token));
            require(text.size() < 200_000, "the answer does not end", text);
        }
        require(state.isComplete(), "the answer ended before it was complete", text);
        return text.toString(StandardCharsets.UTF_8);
    }

    private static int choose(int[] allowed, TokenVocabulary vocabulary, Random random, boolean end) {
        int steer = end ? random.nextInt(4) : 0;
        if (steer == 1) { // what a pattern waits for is most likely a plain character
            int[] plain = Arrays.stream(allowed).filter(token -> token < 128).toArray();
            return plain.length > 0 ? plain[random.nextInt(plain.length)] : allowed[random.nextInt(allowed.length)];
        }
        if (steer > 1) { // what closes is preferred
            for (int token : allowed) {
                byte[] bytes = vocabulary.bytes(token);
                if (bytes == null || (bytes.length == 1 && "\"]}".indexOf(bytes[0]) >= 0)) {
                    return token;
                }
            }
        }
        return allowed[random.nextInt(allowed.length)];
    }

    /** The mask against the check of some single tokens. */
    private static void check(
            TokenConstraint.State state,
            long[] mask,
            int[] allowed,
            TokenVocabulary vocabulary,
            Random random,
            ByteArrayOutputStream text) {
        for (int i = 0; i < 20; i++) {
            int token = i < 5 ? allowed[random.nextInt(allowed.length)] : random.nextInt(vocabulary.size());
            boolean inMask = (mask[token >> 6] >>> token & 1) != 0;
            require(state.allows(token) == inMask, "mask and single check differ on " + token, text);
        }
    }

    /** Puts a text through as random tokens. Returns how many of its bytes were accepted, or -1 if it was but is not complete. */
    public static int accepted(TokenGrammar grammar, TokenVocabulary vocabulary, String text, Random random) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int end = RandomVocabulary.end(vocabulary);
        TokenConstraint.State state = grammar.begin(Set.of(end));
        int at = 0;
        while (at < bytes.length) {
            List<Integer> fitting = new ArrayList<>();
            for (int token = 0; token < vocabulary.size(); token++) {
                byte[] own = vocabulary.bytes(token);
                if (own != null && startsWith(bytes, at, own)) {
                    fitting.add(token);
                }
            }
            int token = fitting.get(random.nextInt(fitting.size()));
            boolean inMask = (state.allowed()[token >> 6] >>> token & 1) != 0;
            if (!inMask || !state.allows(token)) {
                return at;
            }
            state.accept(token);
            at += vocabulary.bytes(token).length;
        }
        return state.isComplete() && state.allows(end) ? bytes.length : -1;
    }

    private static boolean startsWith(byte[] bytes, int at, byte[] token) {
        return at + token.length <= bytes.length && Arrays.equals(bytes, at, at + token.length, token, 0, token.length);
    }

    private static void require(boolean holds, String message, ByteArrayOutputStream text) {
        if (!holds) {
            throw new AssertionError(message + " after: " + text.toString(StandardCharsets.UTF_8));
        }
    }
}
