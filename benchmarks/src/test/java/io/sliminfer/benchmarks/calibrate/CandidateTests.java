package io.sliminfer.benchmarks.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.prune.PruneSchedule;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CandidateTests {

    private static final Candidate CHEAP = candidate("1:0.125", 0.3, 2);
    private static final Candidate MIDDLE = candidate("2:0.25", 0.5, 0.4);
    private static final Candidate DEAR = candidate("6:0.5", 0.9, 0.1);

    private static Candidate candidate(String steps, double flopsShare, double divergence) {
        return new Candidate(PruneSchedule.parseSteps(steps), flopsShare, new Change(divergence, 0));
    }

    @Test
    void theFrontHasWhatNothingElseBeats() {
        Candidate beaten = candidate("3:0.25", 0.6, 0.5);
        Candidate asDearAndWorse = candidate("4:0.5", 0.9, 0.2);
        Candidate dearerAndNoBetter = candidate("7:0.5", 0.95, 0.1);

        assertThat(Candidate.front(List.of(dearerAndNoBetter, DEAR, beaten, CHEAP, asDearAndWorse, MIDDLE)))
                .containsExactly(CHEAP, MIDDLE, DEAR);
    }

    @Test
    void ofEqualOnesTheFirstIsOnTheFront() {
        Candidate twin = candidate("5:0.25", 0.5, 0.4);

        assertThat(Candidate.front(List.of(MIDDLE, twin))).containsExactly(MIDDLE);
    }

    @Test
    void aFrontIsThinnedEvenlyWithBothEnds() {
        List<Candidate> front = IntStream.range(0, 9)
                .mapToObj(i -> candidate(i + ":0.5", i, 9 - i))
                .toList();

        assertThat(Candidate.spread(front, 3)).containsExactly(front.get(0), front.get(4), front.get(8));
        assertThat(Candidate.spread(front, 1)).containsExactly(front.get(4));
        assertThat(Candidate.spread(front, 9)).isEqualTo(front);
    }

    @Test
    void twoStepsHaveRisingLayersAndFallingBudgets() {
        List<Candidate> singles =
                List.of(candidate("1:0.5", 0.7, 0.1), candidate("1:0.25", 0.6, 0.3), candidate("3:0.25", 0.8, 0.2));

        List<Candidate> composed = Candidate.compose(singles, steps -> steps.size() == 2 ? 0.55 : 1);

        assertThat(composed).hasSize(4).startsWith(singles.toArray(new Candidate[0]));
        assertThat(composed.get(3).label()).isEqualTo("1:0.5,3:0.25");
        assertThat(composed.get(3).flopsShare()).isEqualTo(0.55);
        assertThat(composed.get(3).divergence()).isEqualTo(0.1 + 0.2, within(1e-12));
    }

    @Test
    void theCheapestWithinTheLossIsChosen() {
        List<Candidate> front = List.of(CHEAP, MIDDLE, DEAR);

        assertThat(Candidate.cheapest(front, 3)).isEqualTo(CHEAP);
        assertThat(Candidate.cheapest(front, 0.4)).isEqualTo(MIDDLE);
        assertThat(Candidate.cheapest(front, 0.2)).isEqualTo(DEAR);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Candidate.cheapest(front, 0.05))
                .withMessageContaining("--max-loss 0.05")
                .withMessageContaining("the least is 0.1 with 6:0.5");
    }

    @Test
    void theKneeIsFarthestBelowTheLineToDense() {
        assertThat(Candidate.knee(List.of(CHEAP, MIDDLE, DEAR))).isEqualTo(MIDDLE);
        assertThat(Candidate.knee(List.of(CHEAP, candidate("6:0.5", 0.9, 0.5))))
                .as("0.5 / 2 + 0.6 / 0.7 is above 1")
                .isEqualTo(CHEAP);
        assertThat(Candidate.knee(List.of(candidate("1:0.5", 0.4, 0)))).isEqualTo(candidate("1:0.5", 0.4, 0));
    }
}
