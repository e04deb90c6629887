package io.sliminfer.benchmarks.quality.ruler;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/** Draws words, numbers and codes. One source of randomness, one thread. */
final class Words {

    private static final List<String> ADJECTIVES = read("adjectives.txt");
    private static final List<String> NOUNS = read("nouns.txt");

    /** After so many draws that were given before, a range counts as used up. */
    private static final int DRAWS_MAX = 100;

    private final SplittableRandom random;

    /** What {@link #fresh} has given, so that no key or value is given twice in a case. */
    private final Set<String> used = new HashSet<>();

    Words(SplittableRandom random) {
        this.random = random;
    }

    String noun() {
        return pick(NOUNS);
    }

    String adjective() {
        return pick(ADJECTIVES);
    }

    /** {@code adjective-noun}, about a hundred thousand of them. */
    String pair() {
        return fresh(() -> adjective() + "-" + noun());
    }

    /** A noun that was not given before; a pair when nearly all are used up. */
    String single() {
        return used.size() < NOUNS.size() / 2 ? fresh(this::noun) : pair();
    }

    /** Digits, the first one not 0; one more where numbers of this size are used up. */
    String number(int digits) {
        for (int i = 0; i < DRAWS_MAX; i++) {
            String number = digits(digits);
            if (used.add(number)) {
                return number;
            }
        }
        return number(digits + 1);
    }

    /** Digits, the first one not 0; may have been given before. */
    String digits(int count) {
        StringBuilder number = new StringBuilder().append((char) ('1' + random.nextInt(9)));
        while (number.length() < count) {
            number.append((char) ('0' + random.nextInt(10)));
        }
        return number.toString();
    }

    /** Groups of hexadecimal digits joined by hyphens: {@code hex(8, 4, 4, 4, 12)} looks like a UUID. */
    String hex(int... groups) {
        return fresh(() -> {
            StringBuilder hex = new StringBuilder();
            for (int digits : groups) {
                hex.append(hex.isEmpty() ? "" : "-");
                for (int i = 0; i < digits; i++) {
                    hex.append(Character.forDigit(random.nextInt(16), 16));
                }
            }
            return hex.toString();
        });
    }

    /** Capital letters. */
    String capitals(int letters) {
        return fresh(() -> letters(letters, 'A'));
    }

    /** Small letters. */
    String coded(int letters) {
        return fresh(() -> letters(letters, 'a'));
    }

    /** Letters from {@code first} on; may have been given before. */
    String letters(int count, char first) {
        StringBuilder letters = new StringBuilder();
        for (int i = 0; i < count; i++) {
            letters.append((char) (first + random.nextInt(26)));
        }
        return letters.toString();
    }

    <T> T pick(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    private String fresh(Supplier<String> draw) {
        String word = draw.get();
        while (!used.add(word)) {
            word = draw.get();
        }
        return word;
    }

    private static List<String> read(String name) {
        try (InputStream in = Words.class.getResourceAsStream("/io/sliminfer/benchmarks/quality/ruler/" + name)) {
            String text = new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
            return List.of(text.strip().split("\\s+"));
        } catch (IOException e) {
            throw new UncheckedIOException(name + " in the jar cannot be read", e);
        }
    }
}
