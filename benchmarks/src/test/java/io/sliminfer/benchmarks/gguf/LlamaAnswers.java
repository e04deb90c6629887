package io.sliminfer.benchmarks.gguf;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import de.kherud.llama.args.CacheType;
import io.sliminfer.benchmarks.report.JsonLines;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** llama.cpp's greedy answers, in a process of its own: its natives end a JVM on errors, and closing a model leaks. */
public final class LlamaAnswers {

    static final String RESULT = "RESULT ";
    static final String FAILED = "FAILED ";

    private LlamaAnswers() {}

    /** Arguments: GGUF file, file with a JSON prompt a line, context, most tokens of an answer. */
    public static void main(String[] args) {
        int status = 0;
        try {
            run(args);
        } catch (Throwable e) { // UnsatisfiedLinkError where there is no native for this system
            System.out.println(FAILED + e.getClass().getSimpleName() + ": "
                    + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
            status = 1;
        }
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    private static void run(String[] args) throws Exception {
        // Keys and values in float32, as in our run: only the products differ.
        LlamaModel model = new LlamaModel(new ModelParameters()
                .setModel(args[0])
                .setThreads(2)
                .setThreadsBatch(2)
                .setCtxSize(Integer.parseInt(args[2]))
                .setCacheTypeK(CacheType.F32)
                .setCacheTypeV(CacheType.F32)
                .setParallel(1)
                .setGpuLayers(0));
        List<String> lines = Files.readAllLines(Path.of(args[1]));
        for (String line : lines) {
            JsonNode prompt = JsonLines.parse(line);
            String text = prompt.get("prompt").asString();
            StringBuilder answer = new StringBuilder();
            InferenceParameters request = new InferenceParameters(text)
                    .setNPredict(Integer.parseInt(args[3]))
                    .setCachePrompt(false)
                    .setTemperature(0);
            for (LlamaOutput output : model.generate(request)) {
                answer.append(output.text);
            }
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("id", prompt.get("id").asString());
            result.put("answer", answer.toString());
            result.put("promptIds", Arrays.stream(model.encode(text)).boxed().toList());
            result.put(
                    "answerIds",
                    Arrays.stream(model.encode(answer.toString())).boxed().toList());
            System.out.println(RESULT + JsonLines.text(result));
        }
    }
}
