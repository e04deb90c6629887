package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.format.DType;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GemmShapeTests {

    @ParameterizedTest
    @CsvSource({
        "1, 1",
        "7, 7",
        "16, 16",
        "17, 32",
        "32, 32",
        "33, 64",
        "700, 1024",
        "1024, 1024",
        "1025, 2048",
        "2048, 2048",
        "5000, 5120",
        "8192, 8192",
        "8193, 8192",
        "131072, 8192"
    })
    void rowsFallIntoFewClasses(int m, int expected) {
        assertThat(GemmShape.rowClass(m)).isEqualTo(expected);
    }

    @Test
    void alignmentIsTheLeastOfTheThree() {
        assertThat(GemmShape.alignmentOf(256, 512, 1024)).isEqualTo(16);
        assertThat(GemmShape.alignmentOf(256, 512 + 8, 1024)).isEqualTo(8);
        assertThat(GemmShape.alignmentOf(256, 512 + 8, 1024 + 2)).isEqualTo(2);
    }

    @Test
    void aClassIsMeasuredOnceWhateverItsMember() {
        GemmShape one = GemmShape.dense(DType.BF16, DType.F32, 1500, 4096, 14336, true);
        GemmShape other = GemmShape.dense(DType.BF16, DType.F32, 2048, 4096, 14336, true);
        assertThat(one.measured(Set.of())).isEqualTo(other.measured(Set.of())).isEqualTo(other);
        assertThat(one.measured(Set.of(one.m()))).isEqualTo(one).isNotEqualTo(other);
        assertThat(one.text()).isNotEqualTo(other.text());
        assertThat(other.text()).isEqualTo("BF16-F32-m2048-n4096-k14336-x14336-w14336-y4096-a16-add");
    }

    @Test
    void countsBytesToTheLastElement() {
        GemmShape shape = new GemmShape(DType.BF16, DType.F32, 3, 5, 7, 10, 8, 6, 16, false);
        assertThat(shape.xBytes()).isEqualTo((2 * 10 + 7) * 2);
        assertThat(shape.wBytes()).isEqualTo((4 * 8 + 7) * 2);
        assertThat(shape.yBytes()).isEqualTo((2 * 6 + 5) * 4);
    }

    @Test
    void refusesWhatIsNoProduct() {
        assertThatThrownBy(() -> GemmShape.dense(DType.BF16, DType.F16, 1, 1, 1, false))
                .hasMessageContaining("BF16 in F16");
        assertThatThrownBy(() -> GemmShape.dense(DType.F32, DType.F32, 0, 1, 1, false))
                .hasMessageContaining("m=0");
        assertThatThrownBy(() -> new GemmShape(DType.F32, DType.F32, 1, 1, 8, 7, 8, 1, 16, false))
                .hasMessageContaining("7, 8, 1 elements apart");
    }
}
