package io.sliminfer.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.KvType;
import io.sliminfer.backend.KvView;
import org.junit.jupiter.api.Test;

/** What the judge stores, on numbers small enough to work out by hand. */
class ReferenceKvPoolTests {

    private static final int[] SLOTS = {1, 0};

    @Test
    void float16HasElevenBitsAndEndsAt65504() {
        // Steps of 1 are 2^-10; below 2^-14 they are 2^-24.
        assertThat(stored(KvType.F16, 1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 0x1.8p-24f, 0x1p-25f))
                .containsExactly(1, 1 + 0x1p-9f, 0x1p-23f, 0);
        assertThat(stored(KvType.F16, 65519, 65520, -1e9f, Float.NaN))
                .containsExactly(65504, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN);
    }

    @Test
    void bfloat16HasEightBitsAndTheRangeOfFloat32() {
        assertThat(stored(KvType.BF16, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -3e38f, 0x1.01p-126f))
                .containsExactly(1, 1 + 0x1p-6f, -0x1.c4p127f, 0x1.0p-126f);
        assertThat(stored(KvType.BF16, Float.MAX_VALUE, Float.NEGATIVE_INFINITY, 0, -0f))
                .containsExactly(Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0, -0f);
    }

    @Test
    void int8HasStepsOfTheLargestNumberOfABlock() {
        assertThat(stored(KvType.INT8, 127, 2.5f, -3.5f, 0.4f)).containsExactly(127, 2, -4, 0);
    }

    @Test
    void int8RoundsABlockAgainWhenItsScaleGrows() {
        ReferenceKvPool pool = new ReferenceKvPool(2, 2, 1, 2, KvType.INT8);
        store(pool, 1, 127, 3);
        assertThat(pool.key(sequence(1, 1), 0, 0)).containsExactly(127, 3);
        store(pool, 2, 254, 4);
        assertThat(pool.key(sequence(2, 1), 0, 0)).containsExactly(128, 4);
        assertThat(pool.key(sequence(2, 1), 1, 0)).containsExactly(254, 4);
        // The next block has a scale of its own.
        store(pool, 3, 1.27f, 0.01f);
        assertThat(pool.key(sequence(3, 1), 2, 0)).containsExactly(1.27f, 0.01f);
        // Begun again, a block forgets the scale of its former owner.
        store(pool, 1, 12.7f, 0.1f);
        assertThat(pool.key(sequence(1, 1), 0, 0)).containsExactly(12.7f, 0.1f);
    }

    private static float[] stored(KvType type, float... key) {
        ReferenceKvPool pool = new ReferenceKvPool(2, 2, 1, key.length, type);
        store(pool, 1, key);
        return pool.key(sequence(1, 1), 0, 0);
    }

    /** Stores one token as key and value. */
    private static void store(ReferenceKvPool pool, int tokens, float... head) {
        pool.store(sequence(tokens, 1), new float[][][] {{head}}, new float[][][] {{head}});
    }

    private static KvView.Sequence sequence(int tokens, int queries) {
        return new KvView.Sequence(SLOTS, tokens, queries);
    }
}
