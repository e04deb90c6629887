package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.KvType;
import java.util.Arrays;
import java.util.Random;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class OneDnnKvPoolTests {

    private static final int BLOCK = 5;
    private static final int KV_HEADS = 3;
    private static final int HEAD_DIM = 6;
    private static final int ROW = 2 * KV_HEADS * HEAD_DIM;

    @BeforeEach
    void needsNatives() {
        assumeThat(OneDnn.UNUSABLE).as("oneDNN's natives").isNull();
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void aSlotIsOneRunOfBytesThatAnotherPoolCanTakeOver(KvType type) {
        float[] rows = random(4);
        try (NativeMemory here = memory(type, 4);
                NativeMemory there = memory(type, 2)) {
            OneDnnKvPool from = new OneDnnKvPool(here, 4, BLOCK, KV_HEADS, HEAD_DIM, type);
            OneDnnKvPool to = new OneDnnKvPool(there, 2, BLOCK, KV_HEADS, HEAD_DIM, type);
            for (int slot = 0; slot < 4; slot++) {
                from.store(slot, 0, random(BLOCK), BLOCK);
            }
            from.store(2, 0, rows, 4);
            Pointer.memcpy(
                    new NativeMemory.Address(to.keys(1, 0)),
                    new NativeMemory.Address(from.keys(2, 0)),
                    from.slotBytes());
            for (int token = 0; token < 4; token++) {
                assertThat(keys(to, 1, token)).isEqualTo(keys(from, 2, token));
            }
            // The copy goes on as the original does.
            float[] next = random(1);
            from.store(2, 4, next, 1);
            to.store(1, 4, next, 1);
            for (int token = 0; token < BLOCK; token++) {
                assertThat(keys(to, 1, token)).isEqualTo(keys(from, 2, token));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void storingToASlotLeavesItsNeighboursAlone(KvType type) {
        try (NativeMemory memory = memory(type, 3)) {
            OneDnnKvPool pool = new OneDnnKvPool(memory, 3, BLOCK, KV_HEADS, HEAD_DIM, type);
            byte[] before = new byte[(int) memory.bytes()];
            Arrays.fill(before, (byte) 0x55);
            memory.write(0, before, 0, before.length);
            pool.store(1, 0, random(2), 2);
            pool.store(1, 2, random(3), 3);
            pool.clearRows(1, 3);
            byte[] after = new byte[before.length];
            memory.read(0, after, 0, after.length);
            int slot = (int) pool.slotBytes();
            assertThat(Arrays.copyOf(after, slot)).containsOnly(0x55);
            assertThat(Arrays.copyOfRange(after, 2 * slot, 3 * slot)).containsOnly(0x55);
            assertThat(keys(pool, 1, 4)).containsOnly(0);
            assertThat(keys(pool, 1, 2)).doesNotContain(0);
        }
    }

    @Test
    void refusesSlotsWhoseScalesWouldNotBeAligned() {
        try (NativeMemory memory = memory(KvType.INT8, 1)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new OneDnnKvPool(memory, 1, 5, 1, 3, KvType.INT8))
                    .withMessageContaining("the head dimension must be even");
        }
    }

    private static NativeMemory memory(KvType type, int slots) {
        return new NativeMemory("slots", slots * type.slotBytes(BLOCK, KV_HEADS, HEAD_DIM));
    }

    private static float[] keys(OneDnnKvPool pool, int slot, int token) {
        float[] keys = new float[KV_HEADS * HEAD_DIM];
        pool.readKeys(slot, token, 0, KV_HEADS, keys, 0);
        return keys;
    }

    private static float[] random(int count) {
        Random random = new Random(count);
        float[] rows = new float[count * ROW];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = 1 + random.nextFloat() * count;
        }
        return rows;
    }
}
