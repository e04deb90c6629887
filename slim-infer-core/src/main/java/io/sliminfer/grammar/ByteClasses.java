package io.sliminfer.grammar;

import java.util.BitSet;

/** Bytes that no rule of a grammar tells apart are one class: tables have a column for each class. */
final class ByteClasses {

    private final int[] classes = new int[256];
    private final int count;

    /** @param starts bytes at which some rule's range starts, or ends one before */
    private ByteClasses(BitSet starts) {
        int current = -1;
        for (int b = 0; b < 256; b++) {
            current += b == 0 || starts.get(b) ? 1 : 0;
            classes[b] = current;
        }
        count = current + 1;
    }

    static ByteClasses of(Iterable<Nfa> rules) {
        BitSet starts = new BitSet(257);
        for (Nfa nfa : rules) {
            for (int edge = 0; edge < nfa.edges(); edge++) {
                if (nfa.rule(edge) == Nfa.NO_RULE) {
                    starts.set(nfa.low(edge));
                    starts.set(nfa.high(edge) + 1);
                }
            }
        }
        return new ByteClasses(starts);
    }

    int count() {
        return count;
    }

    int of(int value) {
        return classes[value];
    }
}
