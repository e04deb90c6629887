package io.sliminfer.benchmarks.speed;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import io.sliminfer.benchmarks.models.PeerModel;
import java.util.stream.IntStream;

/** The JVM that llama.cpp is measured in, flash attention on. */
final class LlamaPeer {

    /** Rounding of the estimate of characters for a tokenizer that makes several tokens of one. */
    private static final int FITTING_STEPS = 6;

    private final LlamaModel model;
    private final PeerRequest request;
    private final int context;

    private LlamaPeer(PeerRequest request) {
        this.request = request;
        // A prompt longer than the context is cut without a word, so the context has room to spare.
        context = request.promptMax() * 9 / 8 + request.tokens() + 256;
        model = new LlamaModel(new ModelParameters()
                .setModel(request.model().toString())
                .setThreads(request.threads())
                .setThreadsBatch(request.threads())
                .setCtxSize(context)
                .setParallel(1)
                .setGpuLayers(0)
                .enableFlashAttn());
    }

    /** Arguments: {@link PeerRequest}. */
    public static void main(String[] args) {
        PeerMain.run(args, request -> {
            LlamaPeer peer = new LlamaPeer(request);
            PeerMain.ready();
            if (request.warmUp() > 0) {
                peer.measure(request.warmUp());
            }
            return peer.measure(request.promptTokens());
        });
    }

    private String measure(int length) {
        String prompt = prompt(length);
        int promptTokens = model.encode(prompt).length;
        if (promptTokens + request.tokens() > context) {
            throw new IllegalStateException("a prompt of " + promptTokens + " tokens does not fit a context of "
                    + context + ": the tokenizer of this GGUF splits too finely");
        }
        InferenceParameters parameters = new InferenceParameters(prompt)
                .setNPredict(request.tokens())
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
        for (LlamaOutput output : model.generate(parameters)) {
            last = System.nanoTime();
            first = outputs++ == 0 ? last : first;
        }
        if (outputs == 0) {
            throw new IllegalStateException("llama.cpp gave no token for a prompt of " + promptTokens);
        }
        // The end of an answer comes as an output of its own, so outputs are not counted: end-of-sequence is off, and
        // all tokens that were asked for are made.
        return PeerResult.line(promptTokens, request.tokens(), (first - start) * 1e-9, (last - start) * 1e-9);
    }

    /** Random text of about as many tokens; exactly as many with {@link PeerModel}'s tokenizer. */
    private String prompt(int length) {
        int count = length;
        String text = request.text(count);
        for (int step = 0; step < FITTING_STEPS; step++) {
            int got = model.encode(text).length;
            if (got == length) {
                return text;
            }
            count = Math.max(1, (int) ((long) count * length / Math.max(1, got)));
            text = request.text(count);
        }
        return text;
    }
}
