package io.sliminfer.benchmarks.quality.score;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** LongBench's {@code count_score} and {@code retrieval_score}: how many of the numbers in an answer are right. */
final class NumberShare {

    private static final Pattern NUMBER = Pattern.compile("\\d+", Pattern.UNICODE_CHARACTER_CLASS);

    private NumberShare() {}

    static double of(String answer, String right) {
        int numbers = 0;
        int hits = 0;
        for (Matcher matcher = NUMBER.matcher(answer); matcher.find(); ) {
            numbers++;
            hits += matcher.group().equals(right) ? 1 : 0;
        }
        return numbers == 0 ? 0 : (double) hits / numbers;
    }

    /**
     * @param expected has {@code label} followed by the paragraph's number in it
     * @throws IllegalArgumentException if it has not
     */
    static double ofParagraph(String answer, String expected, String label) {
        Matcher paragraph = Pattern.compile(Pattern.quote(label) + "(\\d+)").matcher(expected);
        if (!paragraph.find()) {
            throw new IllegalArgumentException(
                    "\"" + expected + "\" names no paragraph: \"" + label + "N\" is expected");
        }
        return of(answer, paragraph.group(1));
    }
}
