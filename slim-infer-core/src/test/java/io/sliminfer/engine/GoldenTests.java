package io.sliminfer.engine;

import io.sliminfer.backend.TestBackends;
import io.sliminfer.golden.GoldenCases;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Small models of every architecture against transformers in float32: logits closely, ids and kept blocks exactly. The folder is
 * {@code -Dgolden.dir}.
 */
class GoldenTests {

    static Stream<Arguments> modelsAndBackends() {
        return GoldenCases.models().stream().flatMap(model -> TestBackends.names("cpu", "java").stream()
                .map(backend -> Arguments.of(model, backend)));
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsAndBackends")
    void givesTheLogitsIdsAndBlocksOfTheReference(GoldenCases.Model golden, String backend) {
        GoldenRun.assumeUsable(backend);
        GoldenRun.assertRepeats(golden, backend);
    }
}
