package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.List;
import java.util.Map;

/**
 * One conversation to answer and what its answer is judged against.
 *
 * @param id        unique in a run
 * @param length    tokens that were aimed at, answer included; cases are summed up by it
 * @param messages  the last one is the user's
 * @param expected  accepted answers, or what has to be in the answer: the metric says which
 * @param classes   class names for {@link Metric#CLASSIFICATION}, otherwise empty
 * @param maxTokens most tokens of the answer
 * @param firstLine whether only the first line of the answer counts that is not empty
 * @param notes     what a reader of the results wants to know of this case: seed, depth, tokens of the needle, truncation
 */
public record EvalCase(
        String id,
        String task,
        int length,
        List<Turn> messages,
        List<String> expected,
        Metric metric,
        List<String> classes,
        int maxTokens,
        boolean firstLine,
        Map<String, Object> notes) {

    public EvalCase {
        if (messages.isEmpty() || expected.isEmpty()) {
            throw new IllegalArgumentException("case " + id + " needs at least one message and one expected answer");
        }
        if (maxTokens < 1) {
            throw new IllegalArgumentException("case " + id + ": max tokens of " + maxTokens + "; use 1 or more");
        }
        messages = List.copyOf(messages);
        expected = List.copyOf(expected);
        classes = List.copyOf(classes);
    }

    double score(String answer) {
        return metric.score(firstLine ? answer.replaceFirst("^\\n+", "").split("\n", 2)[0] : answer, expected, classes);
    }
}
