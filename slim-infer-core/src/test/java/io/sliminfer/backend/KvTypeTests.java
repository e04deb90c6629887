package io.sliminfer.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.format.DType;
import org.junit.jupiter.api.Test;

class KvTypeTests {

    @Test
    void aSlotHoldsKeysAndValuesAndTheScalesOfInt8() {
        assertThat(KvType.F32.slotBytes(64, 8, 128)).isEqualTo(64 * 8 * 128 * 2 * 4);
        assertThat(KvType.F16.slotBytes(64, 8, 128)).isEqualTo(64 * 8 * 128 * 2 * 2);
        assertThat(KvType.BF16.slotBytes(64, 8, 128)).isEqualTo(64 * 8 * 128 * 2 * 2);
        assertThat(KvType.INT8.slotBytes(64, 8, 128)).isEqualTo(64 * 8 * 128 * 2 + 2 * 8 * 4);
        assertThat(KvType.F32.slotBytes(1024, 1024, 1024)).isEqualTo(8L << 30);
    }

    @Test
    void activationsAreStoredAsTheyAre() {
        assertThat(KvType.of(DType.F32)).isEqualTo(KvType.F32);
        assertThat(KvType.of(DType.F16)).isEqualTo(KvType.F16);
        assertThat(KvType.of(DType.BF16)).isEqualTo(KvType.BF16);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KvType.of(DType.I32))
                .withMessageContaining("I32");
    }

    @Test
    void isCalledAsItsPropertyValue() {
        assertThat(KvType.values()).extracting(KvType::toString).containsExactly("f32", "f16", "bf16", "int8");
    }
}
