package io.sliminfer.benchmarks.quality.score;

import java.util.ArrayList;
import java.util.List;

/** LongBench's {@code classification_score}. */
final class Classification {

    private Classification() {}

    /**
     * @param right   name of the right class
     * @param classes names of all classes
     */
    static double score(String answer, String right, List<String> classes) {
        List<String> named = new ArrayList<>();
        for (String name : classes) {
            if (answer.contains(name)) {
                named.add(name);
            }
        }
        // A name inside the right one's does not count. The original deletes while it iterates, and so skips the name
        // after each one that
        // it drops; its published scores have this in them.
        for (int i = 0; i < named.size(); i++) {
            String name = named.get(i);
            if (right.contains(name) && !name.equals(right)) {
                named.remove(name);
            }
        }
        return named.contains(right) ? 1.0 / named.size() : 0;
    }
}
