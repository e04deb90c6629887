package io.sliminfer.benchmarks.quality.score;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * ROUGE-L F at summary level, as the {@code rouge} package of Python computes it, which LongBench uses: sentences end at full stops,
 * each reference sentence is matched with every answer sentence by longest common subsequence, and words are counted once, as sets.
 */
final class RougeL {

    /** Keeps the package's quotient defined when nothing is common. */
    private static final double EPSILON = 1e-8;

    private RougeL() {}

    static double english(String answer, String expected) {
        return score(answer, expected);
    }

    static double chinese(String answer, String expected) {
        return score(String.join(" ", ChineseWords.of(answer)), String.join(" ", ChineseWords.of(expected)));
    }

    private static double score(String answer, String expected) {
        List<List<String>> answerSentences = sentences(answer);
        List<List<String>> expectedSentences = sentences(expected);
        Set<String> answerWords = union(answerSentences);
        Set<String> expectedWords = union(expectedSentences);
        if (answerWords.isEmpty() || expectedWords.isEmpty()) {
            return 0;
        }
        Set<String> common = new HashSet<>();
        for (List<String> reference : expectedSentences) {
            for (List<String> sentence : answerSentences) {
                addCommonSubsequence(common, reference, sentence);
            }
        }
        double precision = (double) common.size() / answerWords.size();
        double recall = (double) common.size() / expectedWords.size();
        return 2 * precision * recall / (precision + recall + EPSILON);
    }

    private static List<List<String>> sentences(String text) {
        return List.of(text.split("\\.")).stream()
                .filter(sentence -> !sentence.isEmpty())
                .map(Normalization::split)
                .toList();
    }

    private static Set<String> union(List<List<String>> sentences) {
        Set<String> words = new HashSet<>();
        sentences.forEach(words::addAll);
        return words;
    }

    /** Of several longest subsequences the one that the package walks back along: up only where that is strictly longer. */
    private static void addCommonSubsequence(Set<String> common, List<String> reference, List<String> sentence) {
        int[][] length = new int[reference.size() + 1][sentence.size() + 1];
        for (int i = 1; i <= reference.size(); i++) {
            for (int j = 1; j <= sentence.size(); j++) {
                length[i][j] = reference.get(i - 1).equals(sentence.get(j - 1))
                        ? length[i - 1][j - 1] + 1
                        : Math.max(length[i - 1][j], length[i][j - 1]);
            }
        }
        int i = reference.size();
        int j = sentence.size();
        while (i > 0 && j > 0) {
            if (reference.get(i - 1).equals(sentence.get(j - 1))) {
                common.add(reference.get(i - 1));
                i--;
                j--;
            } else if (length[i - 1][j] > length[i][j - 1]) {
                i--;
            } else {
                j--;
            }
        }
    }
}
