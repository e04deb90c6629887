package io.sliminfer.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Byte-level BPE: each character of a token stands for a byte (GPT-2's table), and the bytes of all tokens are UTF-8. */
final class ByteLevelStream implements TokenStreamDecoder.Stream {

    private static final int[] BYTE_OF_CHARACTER = table();

    private final Utf8Stream utf8 = new Utf8Stream();

    /** Printable bytes stand for themselves, the others for 256, 257, … in order. */
    private static int[] table() {
        int[] table = new int[512];
        Arrays.fill(table, -1);
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
            table[printable ? b : next++] = b;
        }
        return table;
    }

    @Override
    public String append(String token) {
        StringBuilder out = new StringBuilder();
        for (byte b : bytes(token)) {
            utf8.append(b & 0xff, out);
        }
        return out.toString();
    }

    /** A token with a character outside the table, such as an added one, stands for its own text. */
    static byte[] bytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTE_OF_CHARACTER.length || BYTE_OF_CHARACTER[c] < 0) {
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) BYTE_OF_CHARACTER[c];
        }
        return bytes;
    }

    @Override
    public String finish() {
        StringBuilder out = new StringBuilder();
        utf8.finish(out);
        return out.toString();
    }
}
