package io.sliminfer.benchmarks.quality.score;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Whether expected strings are in an answer. */
final class StringMatch {

    /** Scripts without spaces between words. */
    private static final Pattern UNSPACED = Pattern.compile("[\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}\\p{IsThai}]");

    private StringMatch() {}

    static boolean exact(String answer, String expected) {
        return Normalization.words(answer).equals(Normalization.words(expected));
    }

    /** As whole words: "5" is not in "15". In scripts without spaces anywhere. */
    static boolean contains(String answer, String expected) {
        String there = Normalization.words(answer);
        String wanted = Normalization.words(expected);
        if (wanted.isEmpty()) {
            return there.isEmpty();
        }
        return UNSPACED.matcher(wanted).find()
                ? there.contains(wanted)
                : (" " + there + " ").contains(" " + wanted + " ");
    }

    /** RULER's {@code string_match_all} for one answer. */
    static double shareFound(String answer, List<String> expected) {
        String there = answer.toLowerCase(Locale.ROOT);
        long found = expected.stream()
                .filter(wanted -> there.contains(wanted.toLowerCase(Locale.ROOT)))
                .count();
        return (double) found / expected.size();
    }
}
