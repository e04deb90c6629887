package io.sliminfer.benchmarks.speed;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import io.sliminfer.benchmarks.models.PeerModel;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.ProcessMemory;
import io.sliminfer.benchmarks.report.Spread;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The JVM that llama.cpp is measured in. It is a process of its own because the binding leaves a native thread behind that keeps
 * a JVM from ending: this one is halted. Prints a line {@code RESULT {json}} for each prompt length, or {@code FAILED reason}.
 */
final class LlamaPeer {

    static final String RESULT = "RESULT ";
    static final String FAILED = "FAILED ";

    /** Rounding of the estimate of characters for a tokenizer that makes several tokens of one. */
    private static final int FITTING_STEPS = 6;

    private static final int WARM_UP_TOKENS = 64;
    private static final long SEED = 11;

    private final LlamaModel model;
    private final int characters;
    private final int tokens;
    private final int context;

    private LlamaPeer(LlamaModel model, int characters, int tokens, int context) {
        this.model = model;
        this.characters = characters;
        this.tokens = tokens;
        this.context = context;
    }

    /** Arguments: GGUF file, threads, tokens to generate, different characters of prompts, then the prompts' lengths. */
    public static void main(String[] args) {
        int status = 0;
        try {
            run(args);
        } catch (Throwable e) { // UnsatisfiedLinkError where there is no native for this system
            String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            System.out.println(FAILED + e.getClass().getSimpleName() + ": " + message);
            status = 1;
        }
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    private static void run(String[] args) {
        int threads = Integer.parseInt(args[1]);
        int tokens = Integer.parseInt(args[2]);
        int[] lengths = IntStream.range(4, args.length)
                .map(i -> Integer.parseInt(args[i]))
                .toArray();
        // A prompt longer than the context is cut without a word, so the context has room to spare.
        int context = IntStream.of(lengths).max().orElseThrow() * 9 / 8 + tokens + 256;
        LlamaModel model = new LlamaModel(new ModelParameters()
                .setModel(Path.of(args[0]).toString())
                .setThreads(threads)
                .setThreadsBatch(threads)
                .setCtxSize(context)
                .setParallel(1)
                .setGpuLayers(0)
                .enableFlashAttn());
        LlamaPeer peer = new LlamaPeer(model, Integer.parseInt(args[3]), tokens, context);
        peer.measure(WARM_UP_TOKENS);
        for (int length : lengths) {
            Map<String, Object> result = peer.measure(length);
            System.out.println(RESULT + JsonLines.text(result));
        }
    }

    private Map<String, Object> measure(int length) {
        String prompt = prompt(length);
        int promptTokens = model.encode(prompt).length;
        if (promptTokens + tokens > context) {
            throw new IllegalStateException("a prompt of " + promptTokens + " tokens does not fit a context of "
                    + context + ": the tokenizer of this GGUF splits too finely");
        }
        InferenceParameters request = new InferenceParameters(prompt)
                .setNPredict(tokens)
                .setCachePrompt(false)
                .setIgnoreEos(true)
                .setTemperature(0)
                // Bytes would be held back until they make a character.
                .disableTokenIds(
                        IntStream.range(0, PeerModel.RESERVED_TOKENS).boxed().toList());
        long start = System.nanoTime();
        long first = 0;
        long last = start;
        int outputs = 0;
        for (LlamaOutput output : model.generate(request)) {
            last = System.nanoTime();
            first = outputs++ == 0 ? last : first;
        }
        if (outputs == 0) {
            throw new IllegalStateException("llama.cpp gave no token for a prompt of " + promptTokens);
        }
        double seconds = (first - start) * 1e-9;
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("type", "sample");
        result.put("mode", Baseline.LLAMA.label());
        result.put("promptTokens", length);
        result.put("promptTokensMeasured", promptTokens);
        result.put("generatedTokens", tokens);
        result.put("ttftSeconds", Spread.rounded(seconds));
        result.put("promptTokensPerSecond", Spread.rounded(promptTokens / seconds));
        // The end of an answer comes as an output of its own, so outputs are not counted: end-of-sequence is off, and
        // all
        // tokens that were asked for are made.
        if (tokens > 1 && last > first) {
            double perToken = (last - first) * 1e-9 / (tokens - 1);
            result.put("decodeMillisPerToken", Spread.rounded(perToken * 1e3));
            result.put("decodeTokensPerSecond", Spread.rounded(1 / perToken));
        }
        ProcessMemory memory = ProcessMemory.now();
        result.put("peakResidentBytes", ProcessMemory.orNotAvailable(memory.peakResidentBytes()));
        result.put("anonymousBytes", ProcessMemory.orNotAvailable(memory.anonymousBytes()));
        return result;
    }

    /** Random text of about as many tokens; exactly as many with {@link PeerModel}'s tokenizer. */
    private String prompt(int length) {
        int count = length;
        String text = text(count);
        for (int step = 0; step < FITTING_STEPS; step++) {
            int got = model.encode(text).length;
            if (got == length) {
                return text;
            }
            count = Math.max(1, (int) ((long) count * length / Math.max(1, got)));
            text = text(count);
        }
        return text;
    }

    private String text(int count) {
        StringBuilder text = new StringBuilder();
        new Random(SEED).ints(count, 0, characters).forEach(i -> text.appendCodePoint(PeerModel.FIRST_CHARACTER + i));
        return text.toString();
    }
}
