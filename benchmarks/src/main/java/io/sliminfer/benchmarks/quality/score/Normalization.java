package io.sliminfer.benchmarks.quality.score;

import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Makes answers comparable. */
final class Normalization {

    /** Around words only: 23:46, 93-FV-80 and 3.14 keep theirs. */
    private static final Pattern OUTER_PUNCTUATION = Pattern.compile("^[\\p{P}\\p{S}]+|[\\p{P}\\p{S}]+$");

    private static final Pattern WHITE_SPACE = Pattern.compile("[\\s\\p{Z}]+");

    private static final Pattern ARTICLES = Pattern.compile("\\b(a|an|the)\\b", Pattern.UNICODE_CHARACTER_CLASS);

    /** The 32 signs of ASCII, as Python's {@code string.punctuation}. */
    private static final Pattern ASCII_PUNCTUATION = Pattern.compile("\\p{Punct}");

    /** LongBench lists Chinese punctuation sign by sign; all of Unicode's punctuation and symbols have them among them. */
    private static final Pattern PUNCTUATION = Pattern.compile("[\\p{P}\\p{S}]");

    private Normalization() {}

    /** Words in Unicode's compatibility form and lower case without punctuation around them, joined by single spaces. */
    static String words(String text) {
        String folded = Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
        StringBuilder words = new StringBuilder();
        for (String word : WHITE_SPACE.split(folded)) {
            String bare = OUTER_PUNCTUATION.matcher(word).replaceAll("");
            if (!bare.isEmpty()) {
                words.append(words.isEmpty() ? "" : " ").append(bare);
            }
        }
        return words.toString();
    }

    /** LongBench's {@code normalize_answer}: lower case, without punctuation and articles; its words. */
    static List<String> englishTokens(String text) {
        String bare = ASCII_PUNCTUATION.matcher(text.toLowerCase(Locale.ROOT)).replaceAll("");
        return split(ARTICLES.matcher(bare).replaceAll(" "));
    }

    /** LongBench's {@code normalize_zh_answer} for one word. */
    static String chineseToken(String word) {
        String bare = PUNCTUATION.matcher(word.toLowerCase(Locale.ROOT)).replaceAll("");
        return WHITE_SPACE.matcher(bare).replaceAll("");
    }

    /** Words between white space. */
    static List<String> split(String text) {
        return Arrays.stream(WHITE_SPACE.split(text))
                .filter(word -> !word.isEmpty())
                .toList();
    }
}
