package io.sliminfer.benchmarks;

import io.sliminfer.benchmarks.cuda.CudaCommand;
import io.sliminfer.benchmarks.grammar.GrammarCommand;
import io.sliminfer.benchmarks.quality.CalibrateCommand;
import io.sliminfer.benchmarks.quality.LayersCommand;
import io.sliminfer.benchmarks.quality.QualityCommand;
import io.sliminfer.benchmarks.report.BenchmarkVersion;
import io.sliminfer.benchmarks.serve.ServeCommand;
import io.sliminfer.benchmarks.speed.OffloadCommand;
import io.sliminfer.benchmarks.speed.SpeedCommand;
import io.sliminfer.engine.EngineException;
import io.sliminfer.format.ModelFormatException;
import java.io.UncheckedIOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Entry of {@code slim-infer-benchmarks.jar}: one sub-command for each question. Exit codes: 0 done, 1 failed, 2 the command line
 * was refused.
 */
@Command(
        name = "slim-infer-benchmarks",
        description = "Measures the SlimInfer engine on this machine.",
        mixinStandardHelpOptions = true,
        versionProvider = BenchmarkVersion.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            SpeedCommand.class,
            OffloadCommand.class,
            ServeCommand.class,
            CudaCommand.class,
            GrammarCommand.class,
            QualityCommand.class,
            CalibrateCommand.class,
            LayersCommand.class
        })
public final class Main implements Runnable {

    @Spec
    private @Nullable CommandSpec spec;

    private Main() {}

    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** The whole command line, so that tests run it without ending their JVM. */
    static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setParameterExceptionHandler((refusal, arguments) -> {
                    // The usage text has dozens of lines, above which the reason would be lost.
                    CommandLine command = refusal.getCommandLine();
                    command.getErr().println(refusal.getMessage());
                    command.getErr()
                            .println("See: java -jar slim-infer-benchmarks.jar "
                                    + (command.getParent() == null ? "" : command.getCommandName() + " ") + "--help");
                    return CommandLine.ExitCode.USAGE;
                })
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    if (!isForUsers(failure)) {
                        throw failure;
                    }
                    command.getErr().println(failure.getMessage());
                    return CommandLine.ExitCode.SOFTWARE;
                });
    }

    /** Failures whose message says all; a stack trace would hide it. */
    private static boolean isForUsers(Exception failure) {
        return failure instanceof IllegalArgumentException
                || failure instanceof EngineException
                || failure instanceof ModelFormatException
                || failure instanceof UncheckedIOException;
    }

    @Override
    public void run() {
        throw new ParameterException(
                Objects.requireNonNull(spec).commandLine(), "Missing command: say what to measure.");
    }
}
