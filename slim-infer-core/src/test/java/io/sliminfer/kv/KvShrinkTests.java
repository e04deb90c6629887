package io.sliminfer.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a request gives back when a decision keeps less than was set aside for it. */
class KvShrinkTests {

    private static final int BLOCK = 4;

    /** 10 prompt tokens and 3 more in each of three layers are 4 blocks each. */
    private static final KvSequence.Need CEILING = need(10, 10, 10);

    private static final KvSequence.Need ACTUAL = need(10, 10, 2);

    private static KvSequence.Need need(int... promptTokens) {
        return new KvSequence.Need(
                promptTokens, Arrays.stream(promptTokens).map(n -> n + 3).toArray());
    }

    /** Pruned first at layer 1. */
    private static PrefixQuery query(int first) {
        int[] ids = new int[10];
        ids[0] = first;
        return new PrefixQuery(ids, 2, 1, 8);
    }

    private static KvCacheManager resident(int slots) {
        return KvCacheManager.of(slots, BLOCK, 8, KvCacheManager.NO_PREFIX_CACHE);
    }

    private static void prefill(KvCacheManager manager, KvSequence sequence, int... layers) {
        for (int layer : layers) {
            manager.beginPrefill(sequence, layer);
            manager.endPrefill(sequence, layer);
        }
    }

    @Test
    void anotherRequestRunsInWhatWasGivenBack() {
        KvCacheManager manager = resident(14);
        KvSequence sequence = manager.tryAdmit(CEILING, query(1));
        prefill(manager, sequence, 0, 1);
        assertThat(manager.deviceSlotsUsed()).isEqualTo(12);
        assertThat(manager.tryAdmit(need(1, 1, 1), query(2))).isNull();

        manager.shrink(sequence, ACTUAL);

        assertThat(manager.deviceSlotsUsed()).as("4 + 4 + 2 blocks").isEqualTo(10);
        KvSequence other = manager.tryAdmit(need(1, 1, 1), query(2));
        assertThat(other).isNotNull();
        prefill(manager, sequence, 2);
        assertThat(sequence.table(2)).hasSize(2).doesNotHaveDuplicates();
        assertThat(sequence.table(2)).doesNotContain(other.table(0)).doesNotContain(other.table(2));
        manager.release(sequence);
        manager.release(other);
        assertThat(manager.deviceSlotsUsed()).isZero();
    }

    @Test
    void decodeGrowsAsFarAsTheSmallerNeedSays() {
        KvCacheManager manager = resident(12);
        KvSequence sequence = manager.tryAdmit(CEILING, query(1));
        prefill(manager, sequence, 0, 1);
        manager.shrink(sequence, ACTUAL);
        prefill(manager, sequence, 2);
        for (int token = 1; token <= 3; token++) {
            for (int layer = 0; layer < 3; layer++) {
                int tokens = ACTUAL.promptTokens()[layer] + token;
                manager.beginDecode(List.of(sequence), layer, new int[] {tokens});
                assertThat(sequence.table(layer)).hasSizeGreaterThanOrEqualTo((tokens + BLOCK - 1) / BLOCK);
                manager.endDecode(sequence, layer, tokens);
            }
        }
        manager.release(sequence);
        assertThat(manager.deviceSlotsUsed()).isZero();
    }

    @Test
    void aMovingRequestGivesBackItsPlacesOnTheHost() {
        FakeDevice device = new FakeDevice(8, 1);
        HostTiers host = new HostTiers(device, null, List.of(device.allocateHost(20, 8, null)));
        KvCacheManager manager = new KvCacheManager(
                new SlotPool(8), BLOCK, 8, host, KvCacheManager.NO_PREFIX_CACHE, 1, fence -> fence.join());
        KvSequence sequence = manager.tryAdmit(CEILING, query(1));
        assertThat(sequence.resident()).isFalse();
        prefill(manager, sequence, 0, 1);
        assertThat(host.unreserved()).isEqualTo(20 - 12);

        manager.shrink(sequence, ACTUAL);

        assertThat(host.unreserved()).isEqualTo(20 - 10);
        prefill(manager, sequence, 2);
        manager.release(sequence);
        manager.drain();
        manager.poll();
        assertThat(host.unreserved()).isEqualTo(20);
        assertThat(manager.deviceSlotsUsed()).isZero();
        assertThat(manager.hostSlotsUsed()).isZero();
        assertThat(manager.tryAdmit(CEILING, query(1)))
                .as("room is committed no more")
                .isNotNull();
    }

    @Test
    void aRequestNeverNeedsMoreThanItWasAdmittedFor() {
        KvCacheManager manager = resident(12);
        KvSequence sequence = manager.tryAdmit(CEILING, query(1));
        assertThatIllegalStateException()
                .isThrownBy(() -> manager.shrink(sequence, need(10, 10, 11)))
                .withMessageContaining("was to shrink and needs more in layer 2");
    }

    @Test
    void whatIsStoredIsNotGivenBack() {
        KvCacheManager manager = resident(12);
        KvSequence sequence = manager.tryAdmit(CEILING, query(1));
        prefill(manager, sequence, 0, 1);
        assertThatIllegalStateException()
                .isThrownBy(() -> manager.shrink(sequence, need(10, 2, 2)))
                .withMessageContaining("was to shrink in layer 1, which is stored");
        assertThat(manager.deviceSlotsUsed()).isEqualTo(12);
    }
}
