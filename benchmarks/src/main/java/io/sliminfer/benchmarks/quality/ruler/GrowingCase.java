package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.Turn;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.List;
import java.util.Map;

/**
 * A case whose document can be made longer. Everything random is drawn when it is made, so that the same size always gives the same
 * text.
 */
interface GrowingCase {

    /** The conversation with this many units of filler: sentences, words or passages, 0 or more. */
    List<Turn> messages(int units);

    /** Most units there are. */
    default int unitsMax() {
        return Integer.MAX_VALUE;
    }

    List<String> expected();

    Metric metric();

    int maxTokens();

    /** What the results should say of this case at this size. */
    Map<String, Object> notes(int units);
}
