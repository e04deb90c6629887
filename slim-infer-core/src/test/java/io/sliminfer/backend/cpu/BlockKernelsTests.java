package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.prune.PruneShape;
import io.sliminfer.prune.UnitAggregation;
import org.junit.jupiter.api.Test;

class BlockKernelsTests {

    // 6 blocks of 5 tokens, the last of 3; units of 2; blocks 0, 4 and 5 are protected; one of 1, 2, 3 stays.
    private static final PruneShape SHAPE = new PruneShape(5, 2, 4, 28, 6, 1, 2, 4, 18);

    @Test
    void eachBlockStartsAUnit() {
        assertThat(BlockKernels.units(SHAPE)).isEqualTo(5 * 3 + 2);
        assertThat(BlockKernels.firstUnit(SHAPE, 2)).isEqualTo(6);
    }

    @Test
    void aShortUnitIsTheMeanOfItsOwnTokens() {
        float[] keys = {9, 1, 10, 9, 3, 20, 9, 5, 30};
        float[] means = new float[5];
        BlockKernels.unitMeans(means, 1, keys, 1, 3, 3, 2, 2);
        assertThat(means).containsExactly(0, 2, 15, 5, 30);
    }

    @Test
    void aBlockScoresAsItsBestUnit() {
        float[] unitScores = new float[17];
        unitScores[4] = 3;
        unitScores[5] = 2;
        unitScores[16] = 7;
        float[] scores = new float[6];
        BlockKernels.blockScores(scores, unitScores, SHAPE);
        assertThat(scores).containsExactly(0, 3, 0, 0, 0, 7);
    }

    @Test
    void aBlockMayScoreAsTheMeanOrTheSumOfItsUnits() {
        float[] unitScores = new float[17];
        unitScores[4] = 3;
        unitScores[5] = 6;
        unitScores[16] = 7;
        float[] scores = new float[6];
        BlockKernels.blockScores(scores, unitScores, shape(UnitAggregation.SUM));
        assertThat(scores).containsExactly(0, 9, 0, 0, 0, 7);
        BlockKernels.blockScores(scores, unitScores, shape(UnitAggregation.MEAN));
        assertThat(scores).containsExactly(0, 3, 0, 0, 0, 3.5f);
    }

    private static PruneShape shape(UnitAggregation aggregation) {
        return new PruneShape(5, 2, 4, 28, 6, 1, 2, 4, 18, aggregation);
    }

    @Test
    void keepsProtectedBlocksAndTheBestCandidate() {
        assertThat(select(0, 1, 3, 2, 0, 0)).containsExactly(0, 2, 4, 5);
        assertThat(select(9, -1, -3, -2, 9, 9)).containsExactly(0, 1, 4, 5);
    }

    @Test
    void equalScoresGoToTheLowerRank() {
        assertThat(select(0, 1, 2, 2, 9, 9)).containsExactly(0, 2, 4, 5);
        assertThat(select(0, -0f, 0f, -0f, 9, 9)).containsExactly(0, 1, 4, 5);
    }

    private static int[] select(float... scores) {
        int[] kept = new int[4];
        BlockKernels.select(kept, scores, SHAPE);
        return kept;
    }
}
