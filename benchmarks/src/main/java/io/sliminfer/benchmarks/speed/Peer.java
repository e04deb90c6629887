package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.PageCache;
import io.sliminfer.benchmarks.report.Spread;
import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Another engine, measured in a JVM of its own that is started anew for each sample, so that it holds neither memory nor cores
 * while something else is measured.
 *
 * @param command    of the JVM, without the request
 * @param characters different characters in prompts
 * @param warmUp     tokens of the prompt before the one that counts
 * @param timeout    after which a process is ended
 */
record Peer(
        Baseline baseline,
        List<String> command,
        Path model,
        int threads,
        int characters,
        int warmUp,
        Duration timeout) {

    /** Its code is native: only the first call of anything costs more. */
    private static final int LLAMA_WARM_UP = 64;

    /** Two of its batches: half of its work is Java, which is interpreted at first. */
    private static final int JLAMA_WARM_UP = 512;

    static Peer llama(Path gguf, int threads, int characters, Duration timeout) {
        return new Peer(
                Baseline.LLAMA,
                ChildProcess.java(
                        ChildProcess.thisJava(),
                        ChildProcess.thisOptions(),
                        ChildProcess.thisClassPath(),
                        LlamaPeer.class),
                gguf,
                threads,
                characters,
                LLAMA_WARM_UP,
                timeout);
    }

    /**
     * Jlama 0.8.4.
     *
     * @param java      program of Java 20 or newer
     * @param classPath of Jlama, before that of this program
     */
    static Peer jlama(Path java, String classPath, Path model, int threads, int characters, Duration timeout) {
        return new Peer(
                Baseline.JLAMA,
                ChildProcess.java(
                        java,
                        // Up to Java 21 its native part needs preview features.
                        List.of(
                                "--add-modules",
                                "jdk.incubator.vector",
                                "--enable-preview",
                                "--enable-native-access=ALL-UNNAMED"),
                        classPath + File.pathSeparator + ChildProcess.thisClassPath(),
                        JlamaPeer.class),
                model,
                threads,
                characters,
                JLAMA_WARM_UP,
                timeout);
    }

    /**
     * One prompt after a warm-up.
     *
     * @throws Unavailable if it cannot be loaded, the process fails, or the time is over
     */
    Map<String, Object> measure(int promptTokens, int tokens) throws Unavailable {
        try (ChildProcess process = start(promptTokens, tokens, warmUp)) {
            return PeerResult.parse(process.await(ChildProcess.RESULT, timeout).text());
        }
    }

    /**
     * The first answer after start, with the model's files dropped from the page cache before.
     *
     * @throws Unavailable as {@link #measure}
     */
    Map<String, Object> measureCold(int promptTokens) throws Unavailable {
        PageCache.filesOf(model).forEach(PageCache::drop);
        try (ChildProcess process = start(promptTokens, 1, 0)) {
            double ready = process.await(ChildProcess.READY, timeout).seconds();
            ChildProcess.Line result = process.await(ChildProcess.RESULT, timeout);
            Map<String, Object> sample = new LinkedHashMap<>(PeerResult.parse(result.text()));
            sample.put("readySeconds", Spread.rounded(ready));
            sample.put("firstTokenSeconds", Spread.rounded(result.seconds()));
            return sample;
        }
    }

    private ChildProcess start(int promptTokens, int tokens, int warmUpTokens) throws Unavailable {
        PeerRequest request = new PeerRequest(model, threads, characters, tokens, warmUpTokens, promptTokens);
        List<String> all = new ArrayList<>(command);
        all.addAll(request.toArguments());
        return ChildProcess.start(all);
    }
}
