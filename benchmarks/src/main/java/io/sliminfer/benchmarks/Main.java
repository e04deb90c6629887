package io.sliminfer.benchmarks;

import io.sliminfer.benchmarks.report.BenchmarkVersion;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Entry of {@code slim-infer-benchmarks.jar}: one sub-command for each question. */
@Command(
        name = "slim-infer-benchmarks",
        description = "Measures the SlimInfer engine on this machine.",
        mixinStandardHelpOptions = true,
        versionProvider = BenchmarkVersion.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {})
public final class Main implements Runnable {

    @Spec
    private @Nullable CommandSpec spec;

    private Main() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).execute(args));
    }

    @Override
    public void run() {
        throw new ParameterException(
                Objects.requireNonNull(spec).commandLine(), "Missing command: say what to measure.");
    }
}
