package io.sliminfer.kv;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The manager under random load, see {@link KvSimulation}. */
@Tag("once") // books, which a JDK does not change
class KvCacheManagerSimulationTests {

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void noBlockIsLostLeakedOrStaleWhateverHappens(long seed) {
        // 14 slots hold the widest request (10 blocks in a layer) and its 4 tails: the smallest legal pool.
        for (int deviceSlots : new int[] {14, 20, 45, 120}) {
            var simulation = new KvSimulation(seed, deviceSlots, 160, (int) (seed % 4));
            simulation.run(false);
            assertThat(simulation.completed()).as("seed %d", seed).isGreaterThan(20);
            assertThat(simulation.prefixes().hits()).as("seed %d", seed).isGreaterThan(20);
            assertThat(simulation.shrunk()).as("seed %d", seed).isGreaterThan(10);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {31, 32, 33, 34})
    void aHostThatIsNearlyFullOfPrefixesStillTakesWhatRuns(long seed) {
        for (int hostSlots : new int[] {50, 60, 80}) {
            var simulation = new KvSimulation(seed, 20, hostSlots, 2);
            simulation.device().failing(seed % 2 == 0 ? 0.02 : 0);
            simulation.run(seed % 2 == 0);
            assertThat(simulation.completed()).as("seed %d", seed).isGreaterThan(10);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14})
    void aFailedCopyEndsItsRequestAndNothingElse(long seed) {
        var simulation = new KvSimulation(seed, 30, 160, 2);
        simulation.device().failing(0.02);
        simulation.run(true);
        assertThat(simulation.failed()).as("seed %d", seed).isGreaterThan(3);
        assertThat(simulation.completed()).as("seed %d", seed).isGreaterThan(10);
    }

    @Test
    void aRoomyPoolMovesNothing() {
        var simulation = new KvSimulation(21, 10_000, 100, 2);
        simulation.run(false);
        assertThat(simulation.device().started()).isZero();
    }
}
