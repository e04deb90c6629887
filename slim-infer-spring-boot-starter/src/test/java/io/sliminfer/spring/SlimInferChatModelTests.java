package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.chat.ChatRequest;
import io.sliminfer.chat.ResponseFormat;
import io.sliminfer.chat.ThinkingMode;
import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.Sampling;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.UnitAggregation;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.function.FunctionToolCallback;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class SlimInferChatModelTests {

    private final FakeChatEngine engine = new FakeChatEngine("The ", "answer", ".");
    private final SlimInferChatModel model = SlimInferChatModel.builder()
            .engine(engine)
            .options(SlimInferChatOptions.builder()
                    .temperature(0.5)
                    .maxTokens(64)
                    .build())
            .build();

    @Test
    void callAnswersWithAllMetadata() {
        ChatResponse response = model.call(new Prompt("Question?"));

        assertThat(response.getResult().getOutput().getText()).isEqualTo("The answer.");
        assertFinished(response);
    }

    private static void assertFinished(ChatResponse response) {
        assertThat(response.getResult().getMetadata().getFinishReason()).isEqualTo("STOP");
        assertThat(response.getMetadata().getModel()).isEqualTo(FakeChatEngine.MODEL);
        assertThat(response.getMetadata().getId()).isNotBlank();
        assertThat(response.getMetadata().getUsage().getPromptTokens()).isEqualTo(4096);
        assertThat(response.getMetadata().getUsage().getCompletionTokens()).isEqualTo(3);
        assertThat(response.getMetadata().getUsage().getTotalTokens()).isEqualTo(4099);
        assertThat(response.getMetadata().getUsage().getCacheReadInputTokens()).isEqualTo(1024);
        assertThat(response.getMetadata().entrySet())
                .containsExactlyInAnyOrderElementsOf(Map.<String, Object>of(
                                SlimInferMetadata.TTFT_MS, 125.0,
                                SlimInferMetadata.QUEUE_MS, 5.0,
                                SlimInferMetadata.PREFILL_MS, 120.0,
                                SlimInferMetadata.PER_TOKEN_MS, 15.0,
                                SlimInferMetadata.PRUNED_SHARE, 0.25,
                                SlimInferMetadata.FLOPS_SAVED_SHARE, 0.3,
                                SlimInferMetadata.CACHED_TOKENS, 1024,
                                SlimInferMetadata.KV_BYTES, 1L << 33,
                                SlimInferMetadata.STAGES,
                                        List.of(
                                                Map.of(
                                                        "firstLayer",
                                                        0,
                                                        "lastLayer",
                                                        3,
                                                        "liveTokens",
                                                        4096,
                                                        "keptBlocks",
                                                        List.of(0, 1, 2, 3),
                                                        "activeTokens",
                                                        4096,
                                                        "swaps",
                                                        0),
                                                Map.of(
                                                        "firstLayer",
                                                        4,
                                                        "lastLayer",
                                                        7,
                                                        "liveTokens",
                                                        2048,
                                                        "keptBlocks",
                                                        List.of(0, 3),
                                                        "activeTokens",
                                                        1024,
                                                        "swaps",
                                                        2)),
                                SlimInferMetadata.REPORT, FakeChatEngine.REPORT)
                        .entrySet());
    }

    @Test
    void thePromptsTextIsInTheMetadataOnlyWhenARequestAsksForIt() {
        Prompt plain = new Prompt("Question?");
        Prompt asking = new Prompt(
                "Question?",
                SlimInferChatOptions.builder().includePromptBlocks(true).build());

        assertThat(model.call(plain).toString()).doesNotContain("secret");
        assertThat(model.stream(plain).collectList().block().toString()).doesNotContain("secret");
        assertThat(model.call(asking).getMetadata().<Object>get(SlimInferMetadata.PROMPT_BLOCKS))
                .isEqualTo(FakeChatEngine.PROMPT);
        List<ChatResponse> chunks = model.stream(asking).collectList().block();
        assertThat(chunks.get(chunks.size() - 1).getMetadata().<Object>get(SlimInferMetadata.PROMPT_BLOCKS))
                .isEqualTo(FakeChatEngine.PROMPT);
        assertThat(chunks.subList(0, chunks.size() - 1).toString()).doesNotContain("secret");
    }

    @Test
    void aRequestMayTurnPrefixReuseOff() {
        model.call(new Prompt("Question?"));
        model.call(new Prompt(
                "Question?", SlimInferChatOptions.builder().prefixReuse(false).build()));

        assertThat(engine.requests).extracting(ChatRequest::prefixReuse).containsExactly(true, false);
    }

    @Test
    void streamGivesPiecesAndAtTheEndTheMetadata() {
        List<ChatResponse> chunks =
                model.stream(new Prompt("Question?")).collectList().block();

        assertThat(chunks)
                .extracting(chunk -> chunk.getResult().getOutput().getText())
                .containsExactly("The ", "answer", ".", "");
        assertThat(chunks)
                .extracting(chunk -> chunk.getMetadata().getId())
                .containsOnly(chunks.get(0).getMetadata().getId());
        assertThat(chunks.subList(0, 3)).allSatisfy(chunk -> {
            assertThat(chunk.getResult().getMetadata().getFinishReason()).isNull();
            assertThat(chunk.getMetadata().getModel()).isEqualTo(FakeChatEngine.MODEL);
            assertThat(chunk.getMetadata().isEmpty()).isTrue();
        });
        assertFinished(chunks.get(3));
    }

    @Test
    void callAndStreamAskTheEngineTheSame() {
        Prompt prompt = new Prompt("Question?", SlimInferChatOptionsTests.full().build());

        model.call(prompt);
        model.stream(prompt).blockLast();

        ChatRequest called = engine.requests.poll();
        assertThat(called).isEqualTo(engine.requests.poll());
        assertThat(called)
                .isEqualTo(new ChatRequest(
                        List.of(Map.of("role", "user", "content", "Question?")),
                        List.of(),
                        Map.of("enable_thinking", false),
                        new Sampling(0.7, 40, 0.9, 0.05, 1.1, 0.2, 0.3, 42L),
                        100,
                        List.of("END"),
                        new PruneSchedule(32, 4, 16, 8, UnitAggregation.SUM, PruneSchedule.parseSteps("4:0.5")),
                        false,
                        ThinkingMode.INLINE,
                        Duration.ofSeconds(90),
                        new ResponseFormat.JsonSchema("{\"type\":\"object\"}")));
    }

    @Test
    void aPromptWithoutOptionsTakesTheDefaults() {
        model.call(new Prompt("Question?"));

        assertThat(request().sampling().temperature()).isEqualTo(0.5);
        assertThat(request().maxTokens()).isEqualTo(64);
        assertThat(request().schedule()).isNull();
        assertThat(model.getOptions().getModel()).isEqualTo(FakeChatEngine.MODEL);
    }

    @Test
    void ownOptionsAreTakenAsTheyAre() {
        model.call(
                new Prompt("Question?", SlimInferChatOptions.builder().topK(5).build()));

        assertThat(request().sampling().topK()).isEqualTo(5);
        assertThat(request().sampling().temperature()).isZero();
        assertThat(request().maxTokens()).isZero();
    }

    @Test
    void otherOptionsAreMergedOverTheDefaults() {
        model.call(new Prompt("Question?", ChatOptions.builder().topK(5).build()));

        assertThat(request().sampling().topK()).isEqualTo(5);
        assertThat(request().sampling().temperature()).isEqualTo(0.5);
        assertThat(request().maxTokens()).isEqualTo(64);
    }

    @Test
    void chatClientMergesOverTheDefaults() {
        String answer = ChatClient.create(model)
                .prompt("Question?")
                .options(SlimInferChatOptions.builder().pruning(false).topP(0.5))
                .call()
                .content();

        assertThat(answer).isEqualTo("The answer.");
        assertThat(request().sampling()).isEqualTo(new Sampling(0.5, 0, 0.5, 0, 1, 0, 0, null));
        assertThat(request().schedule()).isEqualTo(PruneSchedule.dense());
    }

    @Test
    void chatClientStreams() {
        assertThat(String.join(
                        "",
                        ChatClient.create(model).prompt("Question?").stream()
                                .content()
                                .collectList()
                                .block()))
                .isEqualTo("The answer.");
    }

    @Test
    void anotherModelIsRefusedNamingBoth() {
        Prompt prompt =
                new Prompt("Question?", ChatOptions.builder().model("gpt-4o").build());

        assertThatIllegalArgumentException()
                .isThrownBy(() -> model.call(prompt))
                .withMessageContaining("'gpt-4o'")
                .withMessageContaining("'fake-model' is loaded");
        StepVerifier.create(model.stream(prompt)).verifyError(IllegalArgumentException.class);
        assertThat(engine.requests).isEmpty();
    }

    @Test
    void toolsAndThinkingReachTheEngine() {
        ToolCallback tool = FunctionToolCallback.builder("weather", (Map<String, Object> input) -> "sunny")
                .description("Weather of a city")
                .inputType(Map.class)
                .inputSchema("{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}")
                .build();
        Map<String, Object> schema = Map.of("type", "object", "properties", Map.of("city", Map.of("type", "string")));

        model.call(new Prompt(
                "Question?",
                ToolCallingChatOptions.builder().toolCallbacks(tool).build()));
        model.call(new Prompt(
                "Question?",
                SlimInferChatOptions.builder().thinking(ThinkingMode.DISCARD).build()));

        assertThat(engine.requests.poll().tools())
                .containsExactly(Map.of(
                        "type",
                        "function",
                        "function",
                        Map.of("name", "weather", "description", "Weather of a city", "parameters", schema)));
        assertThat(engine.requests.peek().tools()).isEmpty();
        assertThat(engine.requests.peek().thinking()).isEqualTo(ThinkingMode.DISCARD);
    }

    @Test
    void toolsThatCannotBeDescribedAreRefused() {
        ToolCallback odd = FunctionToolCallback.builder("odd", (Map<String, Object> input) -> "x")
                .inputType(Map.class)
                .inputSchema("[]")
                .build();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> model.call(new Prompt(
                        "Question?",
                        SlimInferChatOptions.builder().toolCallbacks(odd).build())))
                .withMessageContaining("input schema of tool 'odd' is not a JSON object");
        assertThat(engine.requests).isEmpty();
    }

    @Test
    void badOptionsAreRefusedBeforeTheEngineIsAsked() {
        Prompt prompt = new Prompt(
                "Question?",
                SlimInferChatOptions.builder().temperature(Double.NaN).build());

        assertThatIllegalArgumentException()
                .isThrownBy(() -> model.call(prompt))
                .withMessageContaining("temperature=NaN");
        assertThat(engine.requests).isEmpty();
    }

    @Test
    void theEnginesRefusalsAndFailuresReachTheCaller() {
        engine.refusal = new EngineException(EngineException.Kind.QUEUE_FULL, "full");
        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> model.call(new Prompt("x")))
                .isSameAs(engine.refusal);
        StepVerifier.create(model.stream(new Prompt("x"))).verifyErrorMatches(error -> error == engine.refusal);

        engine.refusal = null;
        engine.failure = new EngineException(EngineException.Kind.INVALID_LOGITS, "NaN");
        assertThatExceptionOfType(EngineException.class)
                .isThrownBy(() -> model.call(new Prompt("x")))
                .isSameAs(engine.failure);
        StepVerifier.create(model.stream(new Prompt("x")))
                .expectNextCount(3)
                .verifyErrorMatches(error -> error == engine.failure);
    }

    @Test
    void nothingHappensBeforeSubscription() {
        Flux<ChatResponse> stream = model.stream(new Prompt("Question?"));
        Flux<ChatResponse> invalid = model.stream(new Prompt(List.of()));
        assertThat(engine.requests).isEmpty();

        StepVerifier.create(invalid).verifyErrorMessage("The prompt is empty: give at least one message.");
        stream.blockLast();
        stream.blockLast();
        assertThat(engine.requests).hasSize(2);
    }

    @Test
    void cancellingHalfWayCancelsTheWork() throws InterruptedException {
        engine.endless = true;

        List<ChatResponse> chunks =
                model.stream(new Prompt("Question?")).take(5).collectList().block();

        assertThat(chunks).hasSize(5);
        assertThat(engine.cancelSeen.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(engine.cancelled).hasValue(1);
    }

    @Test
    void aFinishedStreamCancelsNothing() {
        model.stream(new Prompt("Question?")).blockLast();

        assertThat(engine.cancelled).hasValue(0);
    }

    @Test
    void aSlowSubscriberGetsEverything() {
        StepVerifier.create(model.stream(new Prompt("Question?")), 0)
                .expectSubscription()
                .thenRequest(1)
                .expectNextMatches(chunk -> text(chunk).equals("The "))
                .thenRequest(2)
                .expectNextMatches(chunk -> text(chunk).equals("answer"))
                .expectNextMatches(chunk -> text(chunk).equals("."))
                .thenRequest(1)
                .expectNextMatches(
                        chunk -> "STOP".equals(chunk.getResult().getMetadata().getFinishReason()))
                .verifyComplete();
    }

    @Test
    void chunksDoNotComeOnTheSubscribersThread() {
        Thread caller = Thread.currentThread();

        model.stream(new Prompt("Question?"))
                .doOnNext(chunk -> assertThat(Thread.currentThread()).isNotSameAs(caller))
                .blockLast();
    }

    @Test
    void manyCallersShareIt() {
        List<String> answers = Flux.range(0, 64)
                .flatMap(
                        i -> model.stream(new Prompt(new UserMessage("q" + i)))
                                .map(SlimInferChatModelTests::text)
                                .reduce("", String::concat),
                        64)
                .collectList()
                .block();

        assertThat(answers).hasSize(64).containsOnly("The answer.");
        assertThat(IntStream.range(0, 32).parallel().mapToObj(i -> model.call("q" + i)))
                .containsOnly("The answer.");
        assertThat(engine.requests).hasSize(96);
    }

    @Test
    void anEngineIsRequired() {
        assertThatExceptionOfType(NullPointerException.class)
                .isThrownBy(() -> SlimInferChatModel.builder().build())
                .withMessageContaining("engine");
    }

    private ChatRequest request() {
        return Objects.requireNonNull(engine.requests.peek());
    }

    private static String text(ChatResponse chunk) {
        return chunk.getResult().getOutput().getText();
    }
}
