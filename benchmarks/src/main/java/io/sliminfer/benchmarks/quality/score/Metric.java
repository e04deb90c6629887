package io.sliminfer.benchmarks.quality.score;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * How an answer is judged against what is expected. The LongBench scores are those of its {@code metrics.py}; the best of several
 * accepted answers counts there. Scores are 0 to 1. Any thread.
 */
public enum Metric {
    /** 1 if the answer is an accepted one, without case and punctuation around words. */
    EXACT,
    /** 1 if the answer has an accepted one in it, as whole words. */
    CONTAINS,
    /** RULER's score of question answering: 1 if any of the strings is in the answer, whatever the case. */
    ANY,
    /** RULER's score of all other tasks: share of the expected strings that are in the answer, whatever the case. */
    ALL,
    /** LongBench: F1 over words without articles and punctuation. */
    QA_F1,
    /** LongBench: F1 over segmented Chinese words without punctuation. */
    QA_F1_ZH,
    /** LongBench: ROUGE-L F over words. */
    ROUGE_L,
    /** LongBench: ROUGE-L F over segmented Chinese words. */
    ROUGE_L_ZH,
    /** LongBench: 1 / number of class names in the answer if the right one is among them. Needs the classes. */
    CLASSIFICATION,
    /** LongBench: share of the numbers in the answer that are N of the expected {@code Paragraph N}. */
    RETRIEVAL,
    /** LongBench: share of the numbers in the answer that are N of the expected {@code 段落N}. */
    RETRIEVAL_ZH,
    /** LongBench: share of the numbers in the answer that are the expected one. */
    COUNT,
    /** LongBench: similarity of the first code line of the answer. */
    CODE_SIM;

    /**
     * @param expected accepted answers, or for {@link #ALL} the strings that have to be there; at least one
     * @param classes  names of all classes for {@link #CLASSIFICATION}, otherwise not read
     */
    public double score(String answer, List<String> expected, List<String> classes) {
        if (expected.isEmpty()) {
            throw new IllegalArgumentException("an answer is judged against at least one expected string");
        }
        return switch (this) {
            case EXACT -> best(expected, right -> StringMatch.exact(answer, right) ? 1 : 0);
            case CONTAINS -> best(expected, right -> StringMatch.contains(answer, right) ? 1 : 0);
            case ANY -> StringMatch.shareFound(answer, expected) > 0 ? 1 : 0;
            case ALL -> StringMatch.shareFound(answer, expected);
            case QA_F1 -> best(expected, right -> TokenF1.english(answer, right));
            case QA_F1_ZH -> best(expected, right -> TokenF1.chinese(answer, right));
            case ROUGE_L -> best(expected, right -> RougeL.english(answer, right));
            case ROUGE_L_ZH -> best(expected, right -> RougeL.chinese(answer, right));
            case CLASSIFICATION -> best(expected, right -> Classification.score(answer, right, classes));
            case RETRIEVAL -> best(expected, right -> NumberShare.ofParagraph(answer, right, "Paragraph "));
            case RETRIEVAL_ZH -> best(expected, right -> NumberShare.ofParagraph(answer, right, "段落"));
            case COUNT -> best(expected, right -> NumberShare.of(answer, right));
            case CODE_SIM -> best(expected, right -> EditSimilarity.ofFirstCodeLine(answer, right));
        };
    }

    private static double best(List<String> expected, ToDoubleFunction<String> score) {
        return expected.stream().mapToDouble(score).max().orElseThrow();
    }

    /** The metric's name in files and tables, such as {@code qa-f1-zh}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * @throws IllegalArgumentException naming the label and those there are
     */
    public static Metric of(String label) {
        return Arrays.stream(values())
                .filter(metric -> metric.label().equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("metric \"" + label + "\" is unknown: use one of "
                        + Arrays.stream(values()).map(Metric::label).collect(Collectors.joining(", "))));
    }
}
