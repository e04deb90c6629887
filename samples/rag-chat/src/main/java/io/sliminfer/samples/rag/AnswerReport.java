package io.sliminfer.samples.rag;

import io.sliminfer.engine.GenerationReport;
import io.sliminfer.spring.SlimInferMetadata;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.metadata.Usage;
import org.springframework.ai.chat.model.ChatResponse;

/**
 * What an answer cost, as the page and the command line show it.
 *
 * @param promptTokens   tokens of the prompt, passages and question
 * @param cachedTokens   of these, not computed up to the first pruning layer because an earlier prompt began alike
 * @param answerTokens   tokens of the answer
 * @param ttftMillis     request to first token
 * @param queueMillis    of which: waiting for other requests
 * @param perTokenMillis each token after the first
 * @param prunedShare    share of (prompt token, layer) pairs that were never computed, 0..1
 * @param flopsSavedShare share of dense prefill's FLOPs that were not spent, 0..1
 * @param stages         of prefill, in order; a single one if prefill was dense
 * @param finishReason   why the answer ended, such as STOP or LENGTH
 */
public record AnswerReport(
        int promptTokens,
        int cachedTokens,
        int answerTokens,
        double ttftMillis,
        double queueMillis,
        double perTokenMillis,
        double prunedShare,
        double flopsSavedShare,
        List<Stage> stages,
        String finishReason) {

    /**
     * Layers that ran over the same tokens.
     *
     * @param keptBlocks number of blocks that were live in these layers
     */
    public record Stage(int firstLayer, int lastLayer, int liveTokens, int keptBlocks) {}

    /** The report of a finished answer, or null if {@code response} is not the end of one. */
    static @Nullable AnswerReport of(ChatResponse response) {
        ChatResponseMetadata metadata = response.getMetadata();
        GenerationReport report = metadata.get(SlimInferMetadata.REPORT);
        if (report == null) {
            return null;
        }
        Usage usage = metadata.getUsage();
        List<Stage> stages = report.stages().stream()
                .map(stage -> new Stage(
                        stage.firstLayer(),
                        stage.lastLayer(),
                        stage.liveTokens(),
                        stage.keptBlocks().size()))
                .toList();
        return new AnswerReport(
                usage.getPromptTokens(),
                report.cachedTokens(),
                usage.getCompletionTokens(),
                millis(metadata, SlimInferMetadata.TTFT_MS),
                millis(metadata, SlimInferMetadata.QUEUE_MS),
                millis(metadata, SlimInferMetadata.PER_TOKEN_MS),
                report.prunedShare(),
                report.flopsSavedShare(),
                stages,
                String.valueOf(response.getResult().getMetadata().getFinishReason()));
    }

    private static double millis(ChatResponseMetadata metadata, String key) {
        Double value = metadata.get(key);
        return value == null ? 0 : value;
    }
}
