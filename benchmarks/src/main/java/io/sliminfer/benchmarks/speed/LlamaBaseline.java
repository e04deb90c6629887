package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.JsonLines;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;

/**
 * Measures llama.cpp in a JVM of its own ({@link LlamaPeer}), started anew for each round so that it holds neither memory nor
 * cores while the engine is measured.
 */
final class LlamaBaseline {

    private final Path gguf;
    private final int threads;
    private final int tokens;
    private final int characters;
    private final Duration timeout;

    /**
     * @param tokens     tokens to generate after each prompt
     * @param characters different characters in prompts
     * @param timeout    after which the process is ended
     */
    LlamaBaseline(Path gguf, int threads, int tokens, int characters, Duration timeout) {
        this.gguf = gguf;
        this.threads = threads;
        this.tokens = tokens;
        this.characters = characters;
        this.timeout = timeout;
    }

    /** llama.cpp could not be measured; the message says why in one line. */
    static final class Unavailable extends Exception {
        private static final long serialVersionUID = 1L;

        Unavailable(String message) {
            super(message);
        }
    }

    /**
     * Samples of one round, one for each length.
     *
     * @throws Unavailable if the binding does not load, the process fails, or the time is over
     */
    List<JsonNode> measure(List<Integer> promptTokens) throws Unavailable {
        Process process = start(promptTokens);
        try {
            // Read beside the wait: the process must end in time even if it says nothing.
            CompletableFuture<List<String>> output = CompletableFuture.supplyAsync(() -> read(process));
            if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new Unavailable(
                        "its process was ended after " + timeout.toSeconds() + " s; --llama-timeout allows no more");
            }
            return samples(output.join(), process.exitValue(), promptTokens);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Unavailable("interrupted");
        } finally {
            process.destroyForcibly();
        }
    }

    private Process start(List<Integer> promptTokens) throws Unavailable {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                LlamaPeer.class.getName(),
                gguf.toString(),
                Integer.toString(threads),
                Integer.toString(tokens),
                Integer.toString(characters)));
        promptTokens.forEach(length -> command.add(length.toString()));
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD) // llama.cpp's own log
                    .start();
            process.getOutputStream().close();
            return process;
        } catch (IOException e) {
            throw new Unavailable("no JVM could be started: " + e.getMessage());
        }
    }

    private static List<String> read(Process process) {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            return in.lines().toList();
        } catch (IOException | java.io.UncheckedIOException e) {
            return List.of(LlamaPeer.FAILED + "its output could not be read: " + e.getMessage());
        }
    }

    static List<JsonNode> samples(List<String> lines, int exitValue, List<Integer> promptTokens) throws Unavailable {
        List<JsonNode> samples = new ArrayList<>();
        for (String line : lines) {
            if (line.startsWith(LlamaPeer.FAILED)) {
                throw new Unavailable(line.substring(LlamaPeer.FAILED.length()));
            }
            if (line.startsWith(LlamaPeer.RESULT)) {
                samples.add(JsonLines.parse(line.substring(LlamaPeer.RESULT.length())));
            }
        }
        if (samples.size() != promptTokens.size()) {
            throw new Unavailable("its process ended with status " + exitValue + " after " + samples.size() + " of "
                    + promptTokens.size() + " results");
        }
        return samples;
    }
}
