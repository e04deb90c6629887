package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EvalCaseTests {

    private static EvalCase expecting(List<String> expected, boolean firstLine) {
        return new EvalCase(
                "id", "task", 64, List.of(Turn.user("Q")), expected, Metric.EXACT, List.of(), 8, firstLine, Map.of());
    }

    @Test
    void scoresTheFirstLineOnlyWhereThatIsAskedFor() {
        assertThat(expecting(List.of("City"), true).score("\n\nCity\nDate")).isEqualTo(1);
        assertThat(expecting(List.of("City"), false).score("City\nDate")).isZero();
    }

    @Test
    void needsSomethingToExpect() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> expecting(List.of(), false))
                .withMessageContaining("case id needs");
    }

    @Test
    void refusesRolesThatChatTemplatesDoNotShare() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Turn("tool", "x"))
                .withMessageContaining("\"tool\"");
    }
}
