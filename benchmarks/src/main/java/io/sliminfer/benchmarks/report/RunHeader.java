package io.sliminfer.benchmarks.report;

import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.prune.PruneSchedule;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The first line of every file of results: who measured, when, on what. */
public final class RunHeader {

    public static final String TYPE = "run";

    private static final String COMMIT = "slim-infer.benchmarks.commit";
    private static final String UNKNOWN = "unknown";

    private RunHeader() {}

    /**
     * A header to which a measurement adds its own settings.
     *
     * @param arguments command line after the jar's name
     */
    public static Map<String, Object> of(List<String> arguments) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("type", TYPE);
        header.put("command", String.join(" ", arguments));
        header.put("version", BenchmarkVersion.get());
        header.put("commit", commit());
        header.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        header.put("machine", Machine.current().toMap());
        return header;
    }

    /** For a header: what the engine runs on. */
    public static Map<String, Object> backend(DeviceInfo device) {
        Map<String, Object> backend = new LinkedHashMap<>();
        backend.put("name", device.backend());
        backend.put("description", device.description());
        backend.put("compute", device.compute().name().toLowerCase(Locale.ROOT));
        return backend;
    }

    /** For a header: a schedule in words. */
    public static String schedule(PruneSchedule schedule) {
        return "%s, blocks of %d, units of %d, window %d, sink %d"
                .formatted(schedule.steps(), schedule.block(), schedule.unit(), schedule.window(), schedule.sink());
    }

    /**
     * The commit of the checkout that this program lies in; {@code -modified} where files differ from it, {@code unknown} outside
     * of a checkout, unless {@code -Dslim-infer.benchmarks.commit} says what was carried there.
     */
    static String commit() {
        String given = System.getProperty(COMMIT);
        if (given != null && !given.isBlank()) {
            return given.strip();
        }
        Path folder = folderOfProgram();
        String commit = git(folder, "rev-parse", "HEAD");
        if (commit.isEmpty()) {
            return UNKNOWN;
        }
        return git(folder, "status", "--porcelain", "--untracked-files=no").isEmpty() ? commit : commit + "-modified";
    }

    private static Path folderOfProgram() {
        try {
            CodeSource source = RunHeader.class.getProtectionDomain().getCodeSource();
            Path path =
                    source == null ? Path.of("") : Path.of(source.getLocation().toURI());
            return Files.isDirectory(path) ? path : path.toAbsolutePath().getParent();
        } catch (URISyntaxException | IllegalArgumentException e) {
            return Path.of("");
        }
    }

    /** What git says on one line, or nothing if it fails or is not installed. */
    private static String git(Path folder, String... arguments) {
        try {
            List<String> command = new java.util.ArrayList<>(List.of("git"));
            command.addAll(List.of(arguments));
            Process process = new ProcessBuilder(command)
                    .directory(folder.toAbsolutePath().toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getOutputStream().close();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroy();
                return "";
            }
            return process.exitValue() == 0 ? out : "";
        } catch (IOException e) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
