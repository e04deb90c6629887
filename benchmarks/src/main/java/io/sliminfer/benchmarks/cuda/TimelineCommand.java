package io.sliminfer.benchmarks.cuda;

import io.sliminfer.benchmarks.report.CommandChecks;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Draws what {@code cuda --profile} recorded. */
@Command(
        name = "timeline",
        description = "Draws a timeline that cuda --profile --out has written, as SVG.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true)
final class TimelineCommand implements Callable<Integer> {

    private static final int WIDTH_MIN = 300;

    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(paramLabel = "FILE.jsonl", description = "Recorded timeline.")
    private Path file = Path.of("");

    @Option(names = "--out", paramLabel = "FILE.svg", description = "The picture; standard output by default.")
    private @Nullable Path out;

    @Option(names = "--from", paramLabel = "MS", defaultValue = "0", description = "Left edge in milliseconds.")
    private double from;

    @Option(names = "--to", paramLabel = "MS", description = "Right edge; the end of the last operation by default.")
    private @Nullable Double to;

    @Option(names = "--width", paramLabel = "PIXELS", defaultValue = "1200", description = "Width of the picture.")
    private int width;

    @Override
    public Integer call() {
        CommandChecks checks = CommandChecks.of(spec);
        checks.requireAtLeast("--width", width, WIDTH_MIN);
        Timeline timeline = checks.checked("FILE.jsonl", () -> Timeline.read(file));
        double end = to != null
                ? to
                : timeline.bars().stream()
                                .mapToDouble(Timeline.Bar::endMicros)
                                .max()
                                .orElse(0)
                        / 1e3;
        if (!(from >= 0 && end > from)) {
            throw checks.refused(
                    "--from " + from + " --to " + end + " is no stretch of time: use 0 or more, then more");
        }
        String svg = checks.checked("--from, --to", () -> new TimelineImage(timeline, from, end, width).svg());
        if (out == null) {
            PrintWriter stdout = checks.command().getOut();
            stdout.print(svg);
            stdout.flush();
            return 0;
        }
        try {
            Files.writeString(out, svg);
        } catch (IOException e) {
            throw new UncheckedIOException(out + " cannot be written: " + e.getMessage(), e);
        }
        return 0;
    }
}
