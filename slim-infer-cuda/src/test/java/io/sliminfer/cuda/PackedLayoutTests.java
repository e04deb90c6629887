package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.WeightForm;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.DType;
import io.sliminfer.format.GgufType;
import io.sliminfer.format.QuantisedTestTensor;
import io.sliminfer.format.RandomTensor;
import io.sliminfer.format.TensorSource;
import java.util.List;
import org.junit.jupiter.api.Test;

class PackedLayoutTests {

    private static final long BASE = 1 << 20;

    private static TensorSource numbers(long rows, long columns) {
        return new RandomTensor("w", DType.BF16, rows, columns, 1, 0, 1);
    }

    private static TensorSource blocks(GgufType type, int rows, int columns) {
        return QuantisedTestTensor.of("w", type, rows, columns, new float[rows * columns]);
    }

    private static WeightSpec spec(Use use, TensorSource... parts) {
        return new WeightSpec("w", List.of(parts), List.of(), use);
    }

    private static List<PackedForm> forms(WeightPrecision precision, WeightSpec spec) {
        return new WeightForms(precision).of(spec);
    }

    @Test
    void blocksStayAsTheyAreUnlessAnotherFormIsAskedFor() {
        WeightSpec mixed = spec(
                Use.LINEAR,
                blocks(GgufType.Q4_K, 16, 256),
                blocks(GgufType.Q4_K, 16, 256),
                blocks(GgufType.Q6_K, 16, 256));
        assertThat(forms(WeightPrecision.AUTO, mixed))
                .containsExactly(PackedForm.Q4_K, PackedForm.Q4_K, PackedForm.Q6_K);
        assertThat(forms(WeightPrecision.BF16, mixed)).isEmpty();
        assertThat(forms(WeightPrecision.INT8, mixed))
                .containsExactly(PackedForm.INT8, PackedForm.INT8, PackedForm.INT8);
    }

    @Test
    void numbersStayDenseUnlessInt8IsAskedFor() {
        assertThat(forms(WeightPrecision.AUTO, spec(Use.LINEAR, numbers(5, 64))))
                .isEmpty();
        assertThat(forms(WeightPrecision.INT8, spec(Use.LINEAR, numbers(5, 64))))
                .containsExactly(PackedForm.INT8);
        assertThat(forms(WeightPrecision.AUTO, spec(Use.LINEAR, blocks(GgufType.Q8_0, 16, 64), numbers(5, 64))))
                .as("one part that no form keeps exactly")
                .isEmpty();
    }

    @Test
    void whatMustNotBeQuantisedIsAsItsFileHasIt() {
        WeightSpec numbers = spec(Use.LINEAR, numbers(5, 64)).keptBecause("calibration");
        WeightSpec blocks = spec(Use.LINEAR, blocks(GgufType.Q8_0, 16, 64)).keptBecause("calibration");
        WeightForms int8 = new WeightForms(WeightPrecision.INT8);
        assertThat(int8.of(numbers)).isEmpty();
        assertThat(int8.of(blocks)).containsExactly(PackedForm.Q8_0);
        assertThat(int8.kept(blocks)).isEqualTo("calibration");
        assertThat(int8.kept(spec(Use.LINEAR, numbers(5, 48)))).isEqualTo("rows of 48 are not whole blocks");
        assertThat(int8.kept(spec(Use.LINEAR, numbers(5, 64)))).isNull();
        assertThat(new WeightForms(WeightPrecision.AUTO).kept(numbers)).isNull();
    }

    @Test
    void gainsLookupsAndOddColumnsAreDense() {
        assertThat(forms(WeightPrecision.INT8, spec(Use.GAIN, numbers(1, 64)))).isEmpty();
        assertThat(forms(WeightPrecision.INT8, spec(Use.LOOKUP, numbers(5, 64))))
                .isEmpty();
        assertThat(forms(WeightPrecision.INT8, spec(Use.LINEAR, numbers(5, 48))))
                .isEmpty();
    }

    @Test
    void neighboursOfOneFormAreOnePartWhereTheyAreWholeTiles() {
        WeightSpec spec = spec(Use.LINEAR, numbers(32, 256), numbers(16, 256), numbers(5, 256), numbers(16, 256));
        PackedLayout layout = PackedLayout.of(spec, forms(WeightPrecision.INT8, spec), BASE);

        assertThat(layout.parts()).hasSize(2);
        PackedPart first = layout.parts().get(0);
        PackedPart second = layout.parts().get(1);
        assertThat(first).isEqualTo(new PackedPart(PackedForm.INT8, 0, 53, 256, BASE, BASE + 4 * 4096));
        assertThat(second.firstRow()).isEqualTo(53);
        assertThat(second.rows()).isEqualTo(16);
        assertThat(second.address()).as("behind 64 scales").isEqualTo(first.scales() + 256);
        assertThat(layout.bytes()).isEqualTo(4 * 4096 + 256 + 4096 + 256);
    }

    @Test
    void formsAreApart() {
        WeightSpec spec = spec(Use.LINEAR, blocks(GgufType.Q4_K, 32, 512), blocks(GgufType.Q6_K, 16, 512));
        PackedLayout layout = PackedLayout.of(spec, forms(WeightPrecision.AUTO, spec), BASE);

        assertThat(layout.parts())
                .containsExactly(
                        new PackedPart(PackedForm.Q4_K, 0, 32, 512, BASE, 0),
                        new PackedPart(PackedForm.Q6_K, 32, 16, 512, BASE + aligned(2 * 2 * 2368), 0));
        assertThat(layout.bytes()).isEqualTo(aligned(2 * 2 * 2368) + aligned(2 * 3360));
    }

    private static long aligned(long bytes) {
        return (bytes + 255) / 256 * 256;
    }

    @Test
    void slicesBeginWithATile() {
        PackedPart part = new PackedPart(PackedForm.INT8, 48, 40, 512, BASE, 2 * BASE);
        assertThat(part.slice(64, 20))
                .isEqualTo(new PackedPart(PackedForm.INT8, 64, 20, 512, BASE + 2 * 4096, 2 * BASE + 64));
        assertThat(part.slice(56, 8)).as("within a tile").isNull();
        assertThat(part.slice(32, 16)).as("before it").isNull();
        assertThat(part.slice(80, 16)).as("beyond it").isNull();

        CudaWeight weight = new CudaWeight("w", 88, 512, 1, 0, 0, List.of(part), WeightForm.UNKNOWN);
        assertThat(weight.slice(48, 40)).isEqualTo(part);
        assertThat(weight.slice(0, 8)).isNull();
        PackedLayout layout = new PackedLayout(List.of(part), 1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> layout.slice(56, 8))
                .withMessageContaining("rows 56 to 64");
    }
}
