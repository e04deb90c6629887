package io.sliminfer.benchmarks.quality.score;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** F1 between the words of an answer and of an accepted one, each counted as often as it occurs (LongBench, {@code qa_f1_score}). */
final class TokenF1 {

    private TokenF1() {}

    static double english(String answer, String expected) {
        return f1(Normalization.englishTokens(answer), Normalization.englishTokens(expected));
    }

    static double chinese(String answer, String expected) {
        return f1(chineseTokens(answer), chineseTokens(expected));
    }

    private static List<String> chineseTokens(String text) {
        return ChineseWords.of(text).stream()
                .map(Normalization::chineseToken)
                .filter(word -> !word.isEmpty())
                .toList();
    }

    private static double f1(List<String> answer, List<String> expected) {
        Map<String, Integer> left = new HashMap<>();
        expected.forEach(word -> left.merge(word, 1, Integer::sum));
        int same = 0;
        for (String word : answer) {
            Integer count = left.get(word);
            if (count != null && count > 0) {
                left.put(word, count - 1);
                same++;
            }
        }
        if (same == 0) {
            return 0;
        }
        double precision = (double) same / answer.size();
        double recall = (double) same / expected.size();
        return 2 * precision * recall / (precision + recall);
    }
}
