package io.sliminfer.grammar.json;

import io.sliminfer.grammar.Expression;
import java.util.ArrayList;
import java.util.List;

/** Ranges of characters as ranges of their UTF-8 bytes. */
final class Utf8 {

    private static final int[] LAST_OF_LENGTH = {0x7f, 0x7ff, 0xffff, 0x10ffff};

    private Utf8() {}

    /** Adds sequences of byte ranges that together are the characters of a range; surrogates are left out. */
    static void addRange(int low, int high, List<Expression> out) {
        for (int length = 1, first = 0; length <= 4; length++) {
            int from = Math.max(low, first);
            int to = Math.min(high, LAST_OF_LENGTH[length - 1]);
            first = LAST_OF_LENGTH[length - 1] + 1;
            if (length == 3 && from <= to) {
                addOfLength(from, Math.min(to, 0xd7ff), length, out);
                addOfLength(Math.max(from, 0xe000), to, length, out);
            } else {
                addOfLength(from, to, length, out);
            }
        }
    }

    private static void addOfLength(int low, int high, int length, List<Expression> out) {
        if (low > high) {
            return;
        }
        // Split until all but the first bytes that differ run over all of their values.
        for (int i = 1; i < length; i++) {
            int mask = (1 << 6 * i) - 1;
            if ((low & ~mask) != (high & ~mask)) {
                if ((low & mask) != 0) {
                    addOfLength(low, low | mask, length, out);
                    addOfLength((low | mask) + 1, high, length, out);
                    return;
                }
                if ((high & mask) != mask) {
                    addOfLength(low, (high & ~mask) - 1, length, out);
                    addOfLength(high & ~mask, high, length, out);
                    return;
                }
            }
        }
        List<Expression> bytes = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            bytes.add(Expression.range(byteAt(low, i, length), byteAt(high, i, length)));
        }
        out.add(Expression.sequence(bytes));
    }

    private static int byteAt(int character, int index, int length) {
        int bits = character >> 6 * (length - 1 - index);
        if (index > 0) {
            return 0x80 | (bits & 0x3f);
        }
        return length == 1 ? bits : (0xf00 >> length & 0xff) | bits;
    }
}
