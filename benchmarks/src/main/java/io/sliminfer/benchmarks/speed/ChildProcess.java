package io.sliminfer.benchmarks.speed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A JVM that something is measured in. It answers in lines that begin with a word of {@link #READY}, {@link #RESULT} or
 * {@link #FAILED}; other lines are noise of libraries. One thread.
 */
final class ChildProcess implements AutoCloseable {

    /** The model is loaded. */
    static final String READY = "READY ";

    static final String RESULT = "RESULT ";

    /** Then the reason; nothing follows. */
    static final String FAILED = "FAILED ";

    private static final String END = "END";

    /** First Java that warns of natives. */
    private static final int NATIVE_ACCESS_MIN = 22;

    /** @param seconds when the line came, from before the process was started */
    record Line(String text, double seconds) {}

    private final Process process;
    private final Path errors;
    private final long startNanos;
    private final BlockingQueue<Line> lines = new LinkedBlockingQueue<>();
    /** Last line of output that was no answer: a JVM that cannot start says why there. */
    private String noise = "";

    private ChildProcess(Process process, Path errors, long startNanos) {
        this.process = process;
        this.errors = errors;
        this.startNanos = startNanos;
    }

    /** A command line for a main class on the class path of this JVM. */
    static List<String> java(Path java, List<String> options, String classPath, Class<?> main) {
        List<String> command = new ArrayList<>(List.of(java.toString()));
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, main.getName()));
        return command;
    }

    /** The program that runs this JVM. */
    static Path thisJava() {
        return Path.of(System.getProperty("java.home"), "bin", "java");
    }

    /** Options for what this program does itself: natives may be loaded without a warning, as the jar's manifest says. */
    static List<String> thisOptions() {
        return Runtime.version().feature() < NATIVE_ACCESS_MIN
                ? List.of()
                : List.of("--enable-native-access=ALL-UNNAMED");
    }

    static String thisClassPath() {
        return System.getProperty("java.class.path");
    }

    static ChildProcess start(List<String> command) throws Unavailable {
        try {
            Path errors = Files.createTempFile("slim-infer-benchmarks", ".log");
            long startNanos = System.nanoTime();
            Process process =
                    new ProcessBuilder(command).redirectError(errors.toFile()).start();
            ChildProcess child = new ChildProcess(process, errors, startNanos);
            // Read beside the wait: a process must end in time even if it says nothing.
            Thread reader = new Thread(child::read, "child-output");
            reader.setDaemon(true);
            reader.start();
            return child;
        } catch (IOException e) {
            throw new Unavailable("no JVM could be started: " + e.getMessage());
        }
    }

    private void read() {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String text = in.readLine(); text != null; text = in.readLine()) {
                add(text);
            }
        } catch (IOException e) {
            add(FAILED + "its output could not be read: " + e.getMessage());
        }
        add(END);
    }

    private void add(String text) {
        lines.add(new Line(text, (System.nanoTime() - startNanos) * 1e-9));
    }

    /** Writes a line to the process. */
    void send(String line) throws Unavailable {
        try {
            Writer out = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
            out.write(line + "\n");
            out.flush();
        } catch (IOException e) {
            throw new Unavailable(ended());
        }
    }

    /**
     * The next line of this kind, without its word.
     *
     * @throws Unavailable if the process failed, ended, or the time is over
     */
    Line await(String kind, Duration timeout) throws Unavailable {
        long deadline = System.nanoTime() + timeout.toNanos();
        try {
            while (true) {
                Line line = lines.poll(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
                if (line == null) {
                    throw new Unavailable(
                            "its process was ended after " + timeout.toSeconds() + " s; --peer-timeout allows no more");
                }
                if (line.text.startsWith(FAILED)) {
                    throw new Unavailable(line.text.substring(FAILED.length()));
                }
                if (line.text.equals(END)) {
                    throw new Unavailable(ended());
                }
                if (line.text.startsWith(kind)) {
                    return new Line(line.text.substring(kind.length()), line.seconds);
                }
                noise = line.text.isBlank() ? noise : line.text.strip();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Unavailable("interrupted");
        }
    }

    private String ended() {
        try {
            String status = process.waitFor(10, TimeUnit.SECONDS) ? "with status " + process.exitValue() : "its output";
            String last = errorLines().reduce(noise, (earlier, line) -> line);
            return "its process ended " + status + (last.isEmpty() ? "" : ": " + last);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
    }

    /** What it wrote to its standard error until now, without empty lines. */
    Stream<String> errorLines() {
        try {
            // Libraries write in the system's charset: nothing is decoded that could fail.
            return new String(Files.readAllBytes(errors), StandardCharsets.ISO_8859_1)
                    .lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends the process. */
    @Override
    public void close() {
        process.destroyForcibly();
        try {
            // Its memory must be free before something else is measured.
            process.waitFor(10, TimeUnit.SECONDS);
            Files.deleteIfExists(errors);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            errors.toFile().deleteOnExit();
        }
    }
}
