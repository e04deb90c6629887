package io.sliminfer.grammar;

import io.sliminfer.grammar.Frontier.Stack;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A grammar for the tokens of a vocabulary. Thread-safe; what was found out for one answer serves all later ones.
 *
 * <p>Which tokens may follow is found by walking the vocabulary's trie with the automaton. For states in which many bytes may
 * follow, such as the inside of a string, this is done once whatever calls are open, as in XGrammar (arXiv 2411.15100): most tokens
 * stay within the state's rule, and for those that leave it only where they do is noted; an answer's own open calls decide about the
 * rest of them. The other states are walked when they come up, which rules out nearly all tokens by their first byte.
 */
public final class TokenGrammar implements TokenConstraint {

    /** States that more bytes than this may follow have a mask of their own. */
    private static final int WIDE = 64;

    /** Masks that are made when the grammar is, rather than while an answer waits. */
    private static final int MASKS_AHEAD = 16;

    /** Each holds two numbers for each token. */
    private static final int COUNTED_MASKS_MAX = 16;

    private static final long MASK_BYTES_MAX = 32L << 20;

    private final Grammar grammar;
    private final TokenVocabulary vocabulary;
    private final Automaton automaton;
    private final int[] classOfLabel;
    private final boolean[] wide;
    private final int masksMax;

    // Guarded by this: all that is remembered.
    private final Frontiers frontiers;
    private final Map<Integer, StateMask> stateMasks = new HashMap<>();
    private final Map<Integer, CountedMask> countedMasks = new HashMap<>();
    private final Frontier[] path;
    private int masks;

    /**
     * Tokens that may follow a state, whatever calls are open.
     *
     * @param tokens  that stay within the state's rule or end with it
     * @param leaving nodes of the trie at which the rule may end and tokens go on
     * @param need    levels of nesting that a token may need at most
     */
    private record StateMask(long[] tokens, int[] leaving, int need) {}

    /**
     * Tokens that may follow a state of a rule that counts up to a limit, if that is far, and how many units each begins.
     *
     * @param order        the tokens by falling number of units
     * @param units        of these
     * @param leavingUnits of the nodes at which the rule may end
     */
    private record CountedMask(StateMask all, int[] order, int[] units, int[] leavingUnits) {

        /** What is left of it if only some units may begin. */
        StateMask upTo(int left) {
            long[] tokens = all.tokens().clone();
            for (int i = 0; i < order.length && units[i] > left; i++) {
                tokens[order[i] >> 6] &= ~(1L << order[i]);
            }
            int[] leaving = IntStream.range(0, leavingUnits.length)
                    .filter(i -> leavingUnits[i] <= left)
                    .map(i -> all.leaving()[i])
                    .toArray();
            return new StateMask(tokens, leaving, all.need());
        }
    }

    public TokenGrammar(Grammar grammar, TokenVocabulary vocabulary) {
        this.grammar = grammar;
        this.vocabulary = vocabulary;
        this.automaton = grammar.automaton();
        this.frontiers = new Frontiers(automaton, grammar.depthMax());
        this.path = new Frontier[vocabulary.longest() + 1];
        this.masksMax = (int) Math.max(64, Math.min(4096, MASK_BYTES_MAX / (8L * vocabulary.words() + 1)));
        this.classOfLabel = new int[256];
        int[] sizes = new int[automaton.byteClasses().count()];
        for (int value = 0; value < 256; value++) {
            classOfLabel[value] = automaton.byteClasses().of(value);
            sizes[classOfLabel[value]]++;
        }
        this.wide = new boolean[automaton.plainStates()];
        for (int state = 0; state < wide.length; state++) {
            int followers = 0;
            for (int i = 0; i < sizes.length; i++) {
                followers += automaton.next(state, i) == Automaton.NONE ? 0 : sizes[i];
            }
            wide[state] = followers > WIDE;
        }
        prepare();
    }

    private void prepare() {
        synchronized (this) {
            for (int state = 0; state < wide.length && stateMasks.size() < MASKS_AHEAD; state++) {
                if (wide[state]) {
                    stateMask(state);
                }
            }
            for (CountedStates counted : automaton.counted()) {
                if (stateMasks.size() < MASKS_AHEAD) {
                    stateMask(representative(counted.base()));
                }
            }
        }
    }

    public Grammar grammar() {
        return grammar;
    }

    @Override
    public int vocabulary() {
        return vocabulary.size();
    }

    @Override
    public State begin(Set<Integer> stopIds) {
        synchronized (this) {
            return new Progress(frontiers.start(), stopIds);
        }
    }

    private final class Progress implements State {
        private final Set<Integer> stopIds;
        private Frontier at;
        private long @Nullable [] allowed;
        private boolean first = true;
        private boolean ended;

        Progress(Frontier at, Set<Integer> stopIds) {
            this.at = at;
            this.stopIds = stopIds;
        }

        @Override
        public boolean allows(int token) {
            return !ended
                    && (stopIds.contains(token)
                            ? at.complete()
                            : !(first && token >= 0 && vocabulary.notFirst().get(token))
                                    && after(at, token) != Frontier.DEAD);
        }

        @Override
        public long[] allowed() {
            int words = vocabulary.words();
            for (int id : stopIds) {
                words = Math.max(words, (id >> 6) + 1);
            }
            if (allowed == null) {
                allowed = new long[words];
            }
            long[] tokens = mask(at);
            System.arraycopy(tokens, 0, allowed, 0, tokens.length);
            if (first) {
                for (int id = vocabulary.notFirst().nextSetBit(0);
                        id >= 0;
                        id = vocabulary.notFirst().nextSetBit(id + 1)) {
                    allowed[id >> 6] &= ~(1L << id);
                }
            }
            for (int id : stopIds) {
                long bit = 1L << id;
                allowed[id >> 6] = at.complete() ? allowed[id >> 6] | bit : allowed[id >> 6] & ~bit;
            }
            if (ended) {
                Arrays.fill(allowed, 0);
            }
            return allowed;
        }

        @Override
        public void accept(int token) {
            if (!allows(token)) {
                throw new IllegalStateException("token " + token + " is not allowed here");
            }
            if (stopIds.contains(token)) {
                ended = true;
            } else {
                at = after(at, token);
            }
            first = false;
        }

        @Override
        public boolean isComplete() {
            return at.complete();
        }

        @Override
        public boolean isFinished() {
            return ended || at.isFinished();
        }
    }

    private synchronized Frontier after(Frontier from, int token) {
        byte[] bytes = vocabulary.bytes(token);
        if (bytes == null) {
            return Frontier.DEAD;
        }
        Frontier at = from;
        for (int i = 0; i < bytes.length && at != Frontier.DEAD; i++) {
            at = frontiers.stepClass(at, classOfLabel[bytes[i] & 0xff]);
        }
        return at;
    }

    /** Tokens that may follow; the array is remembered, not to be changed. */
    private synchronized long[] mask(Frontier at) {
        long[] known = at.mask;
        if (known != null) {
            return known;
        }
        if (masks++ >= masksMax) {
            masks = 1;
            frontiers.clear();
        }
        long[] mask = new long[vocabulary.words()];
        int[] narrow = new int[at.states.length];
        Stack[] narrowStacks = new Stack[at.states.length];
        int count = 0;
        for (int i = 0; i < at.states.length; i++) {
            if (!isWide(at.states[i]) || !allowWide(at.states[i], at.stacks[i], mask)) {
                narrow[count] = at.states[i];
                narrowStacks[count++] = at.stacks[i];
            }
        }
        if (count > 0) {
            walk(0, frontiers.of(narrow, narrowStacks, count), mask);
        }
        at.mask = mask;
        return mask;
    }

    private boolean isWide(int state) {
        return state >= wide.length || wide[state];
    }

    /** Whether the state's own mask could be used: not so where tokens might nest too deep. */
    private boolean allowWide(int state, Stack stack, long[] mask) {
        StateMask own = stateMask(representative(state));
        if (stack.depth + own.need() > grammar.depthMax()) {
            return false;
        }
        for (int i = 0; i < mask.length; i++) {
            mask[i] |= own.tokens()[i];
        }
        if (own.leaving().length > 0) {
            Frontier outer = frontiers.after(stack);
            if (!outer.isFinished()) {
                for (int node : own.leaving()) {
                    walk(node, outer, mask);
                }
            }
        }
        return true;
    }

    private int representative(int state) {
        return automaton.representative(state, vocabulary.longest());
    }

    private StateMask stateMask(int state) {
        StateMask known = stateMasks.get(state);
        if (known != null) {
            return known;
        }
        if (stateMasks.size() >= masksMax) {
            stateMasks.clear();
        }
        int left = automaton.unitsLeft(state);
        StateMask made = left < 0
                ? walkState(state)
                : countedMask(automaton.unlimited(state)).upTo(left);
        stateMasks.put(state, made);
        return made;
    }

    private CountedMask countedMask(int state) {
        CountedMask known = countedMasks.get(state);
        if (known != null) {
            return known;
        }
        if (countedMasks.size() >= COUNTED_MASKS_MAX) {
            countedMasks.clear();
        }
        int[] unitsAt = new int[vocabulary.nodes()];
        StateMask all = walkState(state, unitsAt);
        long[] order = new long[vocabulary.size()];
        int count = 0;
        for (int node = 1; node < unitsAt.length; node++) {
            for (int token = vocabulary.tokens[node]; token >= 0; token = vocabulary.twins[token]) {
                if (unitsAt[node] > 0 && (all.tokens()[token >> 6] >>> token & 1) != 0) {
                    order[count++] = (long) -unitsAt[node] << 32 | token;
                }
            }
        }
        Arrays.sort(order, 0, count);
        CountedMask made = new CountedMask(
                all,
                Arrays.stream(order, 0, count).mapToInt(key -> (int) key).toArray(),
                Arrays.stream(order, 0, count)
                        .mapToInt(key -> (int) -(key >> 32))
                        .toArray(),
                Arrays.stream(all.leaving()).map(node -> unitsAt[node]).toArray());
        countedMasks.put(state, made);
        return made;
    }

    private StateMask walkState(int state) {
        return walkState(state, new int[0]);
    }

    /**
     * @param units where to note for each node how many units of a counted rule begin up to it; empty where none are counted
     */
    private StateMask walkState(int state, int[] units) {
        int[] unitsOnPath = new int[vocabulary.longest() + 1];
        long[] tokens = new long[vocabulary.words()];
        IntList leaving = new IntList();
        // The state itself, without what follows its rule's end: frontiers hold that as states of their own.
        path[0] = frontiers.within(state);
        int need = path[0].need;
        for (int node = 1; node < vocabulary.nodes(); ) {
            int depth = vocabulary.depths[node];
            Frontier to = frontiers.stepClass(path[depth - 1], classOfLabel[vocabulary.labels[node] & 0xff]);
            if (to == Frontier.DEAD) {
                node = vocabulary.ends[node];
                continue;
            }
            vocabulary.allow(node, tokens);
            need = Math.max(need, to.need);
            if (to.returns && vocabulary.ends[node] > node + 1) {
                leaving.add(node);
            }
            if (units.length > 0) { // the terminator begins none
                unitsOnPath[depth] = to.isFinished() ? unitsOnPath[depth - 1] : automaton.unitsBegun(to.states[0]);
                units[node] = unitsOnPath[depth];
            }
            path[depth] = to;
            node++;
        }
        return new StateMask(tokens, leaving.toArray(), need);
    }

    /** Allows the tokens below a node of the trie that a frontier accepts. */
    private void walk(int root, Frontier from, long[] mask) {
        int end = vocabulary.ends[root];
        path[vocabulary.depths[root]] = from;
        for (int node = root + 1; node < end; ) {
            int depth = vocabulary.depths[node];
            Frontier to = frontiers.stepClass(path[depth - 1], classOfLabel[vocabulary.labels[node] & 0xff]);
            if (to == Frontier.DEAD) {
                node = vocabulary.ends[node];
                continue;
            }
            vocabulary.allow(node, mask);
            path[depth] = to;
            node++;
        }
    }
}
