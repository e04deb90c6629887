package io.sliminfer.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTests {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        CommandLine command =
                Main.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        return command.execute(arguments);
    }

    @Test
    void saysItsVersion() {
        assertThat(run("-V")).isZero();
        assertThat(out.toString()).matches("slim-infer-benchmarks [0-9]+\\.[0-9]+\\.[0-9]+.*\\R");
    }

    @Test
    void asksForACommand() {
        assertThat(run()).isEqualTo(2);
        assertThat(err.toString()).startsWith("Missing command").contains("--help");
    }

    @Test
    void pointsToTheHelpOfTheRefusedCommandInTwoLines() {
        assertThat(run("speed", "--model", "synthetic:2b")).isEqualTo(2);
        assertThat(err.toString().lines())
                .containsExactly(
                        "--model: synthetic:2b is unknown: there are synthetic:100m, synthetic:1b, synthetic:8b",
                        "See: java -jar slim-infer-benchmarks.jar speed --help");
    }
}
