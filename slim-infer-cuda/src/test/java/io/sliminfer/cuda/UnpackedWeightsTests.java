package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.WeightForm;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class UnpackedWeightsTests {

    private static final long BASE = 1 << 20;

    private boolean collecting;
    private final UnpackedWeights unpacked = new UnpackedWeights(bytes -> BASE, () -> collecting);
    private final CudaWeight qkv = weight("qkv");
    private final CudaWeight output = weight("output");
    private final CudaWeight down = weight("down");

    private static CudaWeight weight(String name) {
        return new CudaWeight(name, 16, 256, 4096, 0, 0, List.of(), WeightForm.UNKNOWN);
    }

    @BeforeEach
    void reserve() {
        unpacked.reserve(1024);
    }

    @Test
    void findsALayersWeightsAgainForTheNextTile() {
        assertThat(unpacked.find(qkv)).isZero();
        assertThat(unpacked.take(qkv, 500)).isEqualTo(BASE);
        assertThat(unpacked.take(output, 512)).as("aligned").isEqualTo(BASE + 512);

        assertThat(unpacked.find(qkv)).isEqualTo(BASE);
        assertThat(unpacked.find(output)).isEqualTo(BASE + 512);
    }

    @Test
    void theNextLayerTakesThePlaceOfTheOldest() {
        unpacked.take(qkv, 512);
        unpacked.take(output, 512);

        assertThat(unpacked.take(down, 256)).isEqualTo(BASE);

        assertThat(unpacked.find(down)).isEqualTo(BASE);
        assertThat(unpacked.find(qkv)).as("overwritten").isZero();
        assertThat(unpacked.find(output)).as("still there").isEqualTo(BASE + 512);
    }

    @Test
    void whatAGraphDoesDependsOnNothingBeforeIt() {
        unpacked.take(qkv, 512);
        unpacked.take(output, 512);

        collecting = true;
        assertThat(unpacked.find(output)).isZero();
        assertThat(unpacked.take(down, 256)).isEqualTo(BASE);
        assertThat(unpacked.take(down, 256)).as("the same place each time").isEqualTo(BASE);
        collecting = false;

        assertThat(unpacked.find(qkv)).as("overwritten by the graph").isZero();
        assertThat(unpacked.find(down)).as("a graph may run later").isZero();
        assertThat(unpacked.find(output)).isEqualTo(BASE + 512);
    }

    @Test
    void piecesOfAWeightAreNotFound() {
        unpacked.take(qkv, 512);
        assertThat(unpacked.take(null, 1024)).isEqualTo(BASE);
        assertThat(unpacked.find(qkv)).isZero();
    }

    @Test
    void moreRoomForgetsWhatWasThere() {
        unpacked.take(qkv, 512);
        unpacked.reserve(1000);
        assertThat(unpacked.find(qkv)).as("it was enough").isEqualTo(BASE);
        unpacked.reserve(2048);
        assertThat(unpacked.capacity()).isEqualTo(2048);
        assertThat(unpacked.find(qkv)).isZero();
    }
}
