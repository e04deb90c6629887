package io.sliminfer.grammar;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A vocabulary of all bytes, and of random tokens as trained ones have them: across JSON's parts, within characters, twice. */
public final class RandomVocabulary {

    private static final String[] PIECES = {
        "\"",
        "\":",
        "\": \"",
        "\",\"",
        "\"}",
        "{\"",
        "[{\"",
        "}]",
        "},",
        "],",
        ",",
        ", ",
        ": ",
        "\n",
        "\n  ",
        "  ",
        "true",
        "false",
        "null",
        "tr",
        "ue",
        "nul",
        "-",
        "0",
        "1",
        "12",
        ".5",
        "e+",
        "E-",
        "\\",
        "\\u",
        "\\u00",
        "d83d",
        "\\ud83d\\ude00",
        "a",
        "ab",
        "name",
        "id",
        "value",
        "é",
        "ä",
        "😀",
        "中",
        "T12",
        "2024-",
        ":00",
        "Z",
        "@",
        "://",
        "www",
        "{}",
        "[]",
        "\"a\":",
        "{\"a\":1",
        "[1,2",
        "\"b\""
    };

    private RandomVocabulary() {}

    /** Control token ids are the last two; the higher one is {@code size - 1}. */
    public static TokenVocabulary of(Random random, int size) {
        List<byte[]> tokens = tokens(random, size);
        return TokenVocabulary.of(size, id -> id < tokens.size() ? tokens.get(id) : null);
    }

    private static List<byte[]> tokens(Random random, int size) {
        List<byte[]> tokens = new ArrayList<>();
        for (int value = 0; value < 256; value++) {
            tokens.add(new byte[] {(byte) value});
        }
        while (tokens.size() < size - 2) {
            ByteArrayOutputStream token = new ByteArrayOutputStream();
            int pieces = 1 + random.nextInt(3);
            for (int i = 0; i < pieces; i++) {
                token.writeBytes(PIECES[random.nextInt(PIECES.length)].getBytes(StandardCharsets.UTF_8));
            }
            byte[] bytes = token.toByteArray();
            int from = random.nextInt(4) == 0 ? random.nextInt(bytes.length) : 0; // may cut a character
            int to = random.nextInt(4) == 0 ? from + 1 + random.nextInt(bytes.length - from) : bytes.length;
            tokens.add(java.util.Arrays.copyOfRange(bytes, from, to));
        }
        return tokens;
    }

    /** An id that ends answers. */
    public static int end(TokenVocabulary vocabulary) {
        return vocabulary.size() - 1;
    }
}
