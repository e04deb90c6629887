package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.prune.PruneShape;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SwapPolicyTests {

    private static final PruneShape FOUR_OF_TEN = new PruneShape(64, 8, 1, 640, 10, 1, 1, 4, 256);

    @Test
    void swapsOnlyWhenTheOverlapFallsBelowTheThreshold() {
        int[] wanted = {0, 2, 5, 9};
        SwapPolicy policy = new SwapPolicy(0.75);
        assertThat(policy.swaps(wanted, new int[] {0, 2, 5, 9})).isFalse();
        assertThat(policy.swaps(wanted, new int[] {0, 2, 6, 9})).isFalse();
        assertThat(policy.swaps(wanted, new int[] {0, 3, 6, 9})).isTrue();
        assertThat(policy.swaps(wanted, new int[] {1, 3, 6, 8})).isTrue();
    }

    @Test
    void nineOfTenAreNotBelowTheDefault() {
        SwapPolicy policy = new SwapPolicy(KvSettings.SWAP_THRESHOLD_DEFAULT);
        int[] wanted = IntStream.range(0, 10).toArray();
        assertThat(policy.swaps(wanted, new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 20}))
                .isFalse();
        assertThat(policy.swaps(wanted, new int[] {0, 1, 2, 3, 4, 5, 6, 7, 20, 21}))
                .isTrue();
    }

    @Test
    void oneAlwaysFollowsAndZeroNever() {
        int[] wanted = {0, 2, 9};
        assertThat(new SwapPolicy(1).swaps(wanted, new int[] {0, 3, 9})).isTrue();
        assertThat(new SwapPolicy(1).swaps(wanted, new int[] {0, 2, 9})).isFalse();
        assertThat(new SwapPolicy(0).swaps(wanted, new int[] {4, 5, 6})).isFalse();
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.01, Double.NaN})
    void otherThresholdsAreRefused(double threshold) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SwapPolicy(threshold))
                .withMessage("slim-infer.kv-cache.swap-threshold=" + threshold + " is not allowed: use 0.0 to 1.0");
    }

    @Test
    void theFirstChoiceIsTakenAndNotCounted() {
        ActiveBlocks active = new ActiveBlocks(FOUR_OF_TEN, new SwapPolicy(0));
        assertThat(active.ranks()).isEmpty();
        assertThat(active.want(new int[] {0, 2, 5, 9})).isTrue();
        assertThat(active.want(new int[] {0, 3, 6, 9})).isFalse();
        assertThat(active.ranks()).containsExactly(0, 2, 5, 9);
        assertThat(active.swaps()).isZero();
    }

    @Test
    void theSetIsComparedWithWhatIsActiveNotWithWhatWasWantedLast() {
        ActiveBlocks active = new ActiveBlocks(FOUR_OF_TEN, new SwapPolicy(0.75));
        active.want(new int[] {0, 2, 5, 9});
        // Each step wants one block other than the step before.
        assertThat(active.want(new int[] {0, 2, 6, 9})).isFalse();
        assertThat(active.want(new int[] {0, 3, 6, 9})).isTrue();
        assertThat(active.ranks()).containsExactly(0, 3, 6, 9);
        assertThat(active.swaps()).isEqualTo(1);
    }

    @Test
    void aTableOfSomeBlocksHasTheirSlotsAndAllAfterTheLast() {
        // Three blocks of two slots, the last begun by the prompt and continued by generated tokens.
        int[] table = {10, 11, 12, 13, 14, 15, 16};
        assertThat(ActiveBlocks.slotsOf(table, new int[] {0, 2}, 2)).containsExactly(10, 11, 14, 15, 16);
        assertThat(ActiveBlocks.slotsOf(table, new int[] {1, 2}, 2)).containsExactly(12, 13, 14, 15, 16);
        assertThat(ActiveBlocks.slotsOf(table, new int[] {0, 1, 2}, 2)).containsExactly(table);
        // A last block shorter than its slots.
        assertThat(ActiveBlocks.slotsOf(new int[] {7, 8, 9}, new int[] {1}, 2)).containsExactly(9);
    }

    @Test
    void ranksAreCountedAmongTheBlocksOfTheStageBefore() {
        assertThat(ActiveBlocks.ranksIn(List.of(0, 3, 4, 200, 300), List.of(0, 4, 300)))
                .containsExactly(0, 2, 4);
    }
}
