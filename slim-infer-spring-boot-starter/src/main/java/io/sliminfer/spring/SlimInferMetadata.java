package io.sliminfer.spring;

/**
 * Keys under which SlimInfer's report is found in the {@code ChatResponseMetadata} of a finished answer (of a stream, in its last
 * chunk), those of an {@code AssistantMessage}'s and of a {@code ChatGenerationMetadata}'s, and finish reasons beyond
 * {@link io.sliminfer.engine.FinishReason}'s.
 */
public final class SlimInferMetadata {

    /** Time from the request to its first token, queue included, in milliseconds ({@link Double}). */
    public static final String TTFT_MS = "slim-infer.ttft-ms";

    /** Time spent waiting in the queue, in milliseconds ({@link Double}). */
    public static final String QUEUE_MS = "slim-infer.queue-ms";

    /** Time from the start of prefill to the first token, in milliseconds ({@link Double}). */
    public static final String PREFILL_MS = "slim-infer.prefill-ms";

    /** Decode time of each token after the first, in milliseconds ({@link Double}). */
    public static final String PER_TOKEN_MS = "slim-infer.per-token-ms";

    /** Share of (prompt token, layer) pairs that pruning left out, 0..1 ({@link Double}). */
    public static final String PRUNED_SHARE = "slim-infer.pruned-share";

    /** Share of dense prefill's FLOPs that pruning saved, 0..1 ({@link Double}). */
    public static final String FLOPS_SAVED_SHARE = "slim-infer.flops-saved-share";

    /** Prompt tokens that were taken from an earlier prompt with the same beginning ({@link Integer}). */
    public static final String CACHED_TOKENS = "slim-infer.cached-tokens";

    /** Bytes of the request's KV cache ({@link Long}). */
    public static final String KV_BYTES = "slim-infer.kv-bytes";

    /**
     * Stages in order: a {@link java.util.List} of maps with {@code firstLayer}, {@code lastLayer}, {@code liveTokens},
     * {@code activeTokens} (prompt tokens that decode attends to), {@code swaps} (how often they were exchanged; all
     * {@link Integer}) and {@code keptBlocks} (a list of block indexes).
     */
    public static final String STAGES = "slim-infer.stages";

    /**
     * The prompt block by block with its text, a {@link java.util.List} of {@link io.sliminfer.chat.PromptBlock}. Only in answers to
     * requests with the option {@code include-prompt-blocks}.
     */
    public static final String PROMPT_BLOCKS = "slim-infer.prompt-blocks";

    /**
     * Of answers with a response format: whether the text is all of it ({@link Boolean}). False where the limit of tokens (finish reason
     * {@code LENGTH}), a stop string ({@code CUT}) or the caller cut it: then it is the beginning of what the format asks for.
     */
    public static final String FORMAT_COMPLETE = "slim-infer.format-complete";

    /** All of it, as {@link io.sliminfer.engine.GenerationReport}. */
    public static final String REPORT = "slim-infer.report";

    /**
     * Of an {@code AssistantMessage}: what a thinking model thought before it answered ({@link String}). Of a stream, in the last
     * chunk; absent where there was none.
     */
    public static final String THINKING = "thinking";

    /** Of a streamed {@code AssistantMessage} without text: a piece of the thinking ({@link String}). */
    public static final String THINKING_DELTA = "thinking-delta";

    /** Finish reason of an answer that calls tools. */
    public static final String TOOL_CALLS = "TOOL_CALLS";

    /** Finish reason of an answer with a tool call that cannot be read, or was cut: it is in the text as the model wrote it. */
    public static final String MALFORMED_TOOL_CALL = "MALFORMED_TOOL_CALL";

    /** Of a {@code ChatGenerationMetadata} with {@link #MALFORMED_TOOL_CALL}: what is wrong ({@link String}). */
    public static final String TOOL_CALL_PROBLEM = "slim-infer.tool-call-problem";

    private SlimInferMetadata() {}
}
