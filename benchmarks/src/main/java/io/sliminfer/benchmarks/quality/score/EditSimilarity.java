package io.sliminfer.benchmarks.quality.score;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * LongBench's {@code code_sim_score}: {@code fuzz.ratio} of fuzzywuzzy, which without its optional native part is the ratio of
 * Python's {@code difflib.SequenceMatcher}: 2 * matched characters / characters of both, matched by the longest common
 * run and then left and right of it, rounded to hundredths. Characters are code points.
 */
final class EditSimilarity {

    /** From this length on, difflib ignores characters that make up more than a hundredth of the second text. */
    private static final int POPULAR_FROM = 200;

    private EditSimilarity() {}

    /** Compares the answer's first line that is no comment and no Markdown fence. */
    static double ofFirstCodeLine(String answer, String expected) {
        String stripped = answer.replaceFirst("^\n+", "");
        for (String line : stripped.split("\n", -1)) {
            if (!line.contains("`") && !line.contains("#") && !line.contains("//")) {
                return ratio(line, expected);
            }
        }
        return ratio("", expected);
    }

    static double ratio(String left, String right) {
        if (left.equals(right)) {
            return 1;
        }
        if (left.isEmpty() || right.isEmpty()) {
            return 0;
        }
        int[] a = left.codePoints().toArray();
        int[] b = right.codePoints().toArray();
        return Math.rint(100 * 2.0 * matched(a, b) / (a.length + b.length)) / 100;
    }

    private static int matched(int[] a, int[] b) {
        Map<Integer, List<Integer>> positions = positions(b);
        Deque<int[]> open = new ArrayDeque<>();
        open.push(new int[] {0, a.length, 0, b.length});
        int matched = 0;
        while (!open.isEmpty()) {
            int[] area = open.pop();
            int[] run = longestRun(a, b, positions, area);
            if (run[2] > 0) {
                matched += run[2];
                open.push(new int[] {area[0], run[0], area[2], run[1]});
                open.push(new int[] {run[0] + run[2], area[1], run[1] + run[2], area[3]});
            }
        }
        return matched;
    }

    /** Where each character of {@code b} stands, without those that are too popular. */
    private static Map<Integer, List<Integer>> positions(int[] b) {
        Map<Integer, List<Integer>> positions = new HashMap<>();
        for (int j = 0; j < b.length; j++) {
            positions.computeIfAbsent(b[j], character -> new ArrayList<>()).add(j);
        }
        if (b.length >= POPULAR_FROM) {
            int most = b.length / 100 + 1;
            Set<Integer> popular = new HashSet<>();
            positions.forEach((character, places) -> {
                if (places.size() > most) {
                    popular.add(character);
                }
            });
            positions.keySet().removeAll(popular);
        }
        return positions;
    }

    /**
     * The longest run common to {@code a[area0..area1)} and {@code b[area2..area3)}; of several the first in a, then in b.
     *
     * @return start in a, start in b, length
     */
    private static int[] longestRun(int[] a, int[] b, Map<Integer, List<Integer>> positions, int[] area) {
        int bestA = area[0];
        int bestB = area[2];
        int best = 0;
        Map<Integer, Integer> endingAt = new HashMap<>();
        for (int i = area[0]; i < area[1]; i++) {
            Map<Integer, Integer> next = new HashMap<>();
            for (int j : positions.getOrDefault(a[i], List.of())) {
                if (j >= area[2] && j < area[3]) {
                    int length = endingAt.getOrDefault(j - 1, 0) + 1;
                    next.put(j, length);
                    if (length > best) {
                        bestA = i - length + 1;
                        bestB = j - length + 1;
                        best = length;
                    }
                }
            }
            endingAt = next;
        }
        // Popular characters do not start a run but lengthen one.
        while (bestA > area[0] && bestB > area[2] && a[bestA - 1] == b[bestB - 1]) {
            bestA--;
            bestB--;
            best++;
        }
        while (bestA + best < area[1] && bestB + best < area[3] && a[bestA + best] == b[bestB + best]) {
            best++;
        }
        return new int[] {bestA, bestB, best};
    }
}
