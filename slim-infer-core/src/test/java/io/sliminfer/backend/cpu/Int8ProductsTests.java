package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sliminfer.backend.cpu.Int8Products.Route;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class Int8ProductsTests {

    private static final int COLUMNS = 192;
    private static final int OUTPUTS = 128;

    @BeforeEach
    void needsTheLibrary() {
        assumeTrue(OneDnn.UNUSABLE == null, () -> String.valueOf(OneDnn.UNUSABLE));
    }

    /** The number of rows chooses neither the packing nor the sums. */
    @ParameterizedTest
    @EnumSource(Route.class)
    void productsAreThoseOfIntegers(Route route) {
        Int8Support support = Int8Support.attempt(route);
        assumeTrue(support != Int8Support.NONE, () -> route + " is not for " + OneDnn.instructionSet());
        int most = support == Int8Support.FULL ? 127 : Int8Support.PAIR_MAX / 2;
        Random random = new Random(1);
        byte[] weights = new byte[OUTPUTS * COLUMNS];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (byte) (random.nextInt(2 * most + 1) - most);
        }
        float[] scales = new float[OUTPUTS];
        float[] bias = new float[OUTPUTS];
        for (int i = 0; i < OUTPUTS; i++) {
            scales[i] = 0.25f + random.nextFloat();
            bias[i] = random.nextFloat() - 0.5f;
        }
        try (Int8Products products = new Int8Products(route);
                NativeMemory plain = new NativeMemory("plain", weights.length);
                NativeMemory packed = new NativeMemory("packed", products.packedBytes(COLUMNS, OUTPUTS));
                NativeMemory scale = new NativeMemory("scales", OUTPUTS * 4L);
                NativeMemory offset = new NativeMemory("bias", OUTPUTS * 4L)) {
            plain.write(0, weights, 0, weights.length);
            scale.write(0, scales, 0, OUTPUTS);
            offset.write(0, bias, 0, OUTPUTS);
            products.pack(COLUMNS, OUTPUTS).execute(plain.address(), packed.address());
            for (int rows : new int[] {1, 2, 7, 16, 48, 256}) {
                byte[] in = new byte[rows * COLUMNS];
                random.nextBytes(in);
                float[] out = new float[rows * OUTPUTS];
                try (NativeMemory input = new NativeMemory("in", in.length);
                        NativeMemory output = new NativeMemory("out", out.length * 4L)) {
                    input.write(0, in, 0, in.length);
                    products.product(rows, COLUMNS, OUTPUTS)
                            .execute(
                                    input.address(),
                                    packed.address(),
                                    output.address(),
                                    scale.address(),
                                    offset.address());
                    output.read(0, out, 0, out.length);
                }
                for (int i = 0; i < out.length; i++) {
                    int row = i / OUTPUTS;
                    int n = i % OUTPUTS;
                    long sum = 0;
                    for (int k = 0; k < COLUMNS; k++) {
                        sum += (in[row * COLUMNS + k] & 0xff) * weights[n * COLUMNS + k];
                    }
                    float expected = sum * scales[n] + bias[n];
                    assertThat(out[i])
                            .as("%s, row %s of %s, output %s", route, row, rows, n)
                            .isCloseTo(expected, within(1e-6f * Math.abs(expected) + 1e-5f));
                }
            }
        }
    }

    @Test
    void aRouteIsFoundWhereTheInstructionSetIsKnownToHaveOne() {
        assumeTrue(OneDnn.instructionSet().matches("AMX|AVX-512.*|AVX2.*"), OneDnn::instructionSet);
        assertThat(Int8Support.find()).isNotEqualTo(Int8Support.NONE);
    }
}
