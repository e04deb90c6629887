package io.sliminfer.samples.rag.web;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.engine.EngineException;
import io.sliminfer.samples.rag.StubChatModel;
import io.sliminfer.spring.SlimInferChatOptions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.boot.webtestclient.autoconfigure.AutoConfigureWebTestClient;
import org.springframework.context.annotation.Bean;
import org.springframework.core.ParameterizedTypeReference;
import org.springframework.http.MediaType;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.test.web.reactive.server.WebTestClient;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;

/** The whole application with its web server on loopback; the chat model alone is a stub. */
@SpringBootTest(
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {"spring.ai.model.chat=none", "rag.top-k=3"})
@AutoConfigureWebTestClient
class AskControllerTests {

    private static final ParameterizedTypeReference<ServerSentEvent<Map<String, Object>>> EVENTS =
            new ParameterizedTypeReference<>() {};
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Autowired
    WebTestClient client;

    @Autowired
    StubChatModel model;

    @Test
    void streamsSourcesThenTextThenTheReport() {
        model.streams(StubChatModel.pieces("Halden", " Works."));

        List<ServerSentEvent<Map<String, Object>>> events = ask("What is the supplier of pump P-113?", false);

        assertThat(events).extracting(ServerSentEvent::event).containsExactly("sources", "text", "text", "finished");
        assertThat(data(events, 0).get("sources"))
                .asInstanceOf(InstanceOfAssertFactories.LIST)
                .hasSize(3);
        assertThat(data(events, 1)).containsEntry("text", "Halden");
        assertThat(data(events, 2)).containsEntry("text", " Works.");
        assertThat(data(events, 3).get("report"))
                .asInstanceOf(InstanceOfAssertFactories.map(String.class, Object.class))
                .containsEntry("promptTokens", 8_192)
                .containsEntry("cachedTokens", 0)
                .containsEntry("answerTokens", 17)
                .containsEntry("ttftMillis", 1_203.0)
                .containsEntry("prunedShare", 0.354);
        assertThat(model.lastPrompt().getContents()).contains("The supplier of pump P-113 is Halden Works.");
    }

    @Test
    void denseIsAnOptionOfTheRequest() {
        model.streams(StubChatModel.pieces("x"));

        ask("Who?", true);
        assertThat(options().getPruning()).isFalse();
        assertThat(options().getMaxTokens()).as("defaults stay").isEqualTo(96);

        ask("Who?", false);
        assertThat(options().getPruning()).isNull();
        assertThat(options().getPrefixReuse()).isNull();
    }

    @Test
    void aWholePromptTakesNothingFromThePrefixCache() {
        model.streams(StubChatModel.pieces("x"));

        exchange(Map.of("question", "Who?", "whole", true)).expectStatus().isOk();

        assertThat(options().getPrefixReuse()).isFalse();
    }

    @Test
    void tellsHowFarEachBlockOfThePromptWent() {
        model.streams(StubChatModel.pieces("x"));

        List<ServerSentEvent<Map<String, Object>>> events = ask("Who?", false);

        assertThat(data(events, events.size() - 1).get("prompt"))
                .asInstanceOf(InstanceOfAssertFactories.map(String.class, Object.class))
                .containsEntry("layers", 12)
                .extractingByKey("blocks", InstanceOfAssertFactories.LIST)
                .hasSize(128)
                .satisfies(blocks -> {
                    assertThat(blocks.get(0))
                            .hasToString("{firstToken=0, tokens=64, role=SINK, lastLayer=11, text=Text of block 0. }");
                    assertThat(blocks.get(40)).asString().contains("firstToken=2560", "lastLayer=8");
                    assertThat(blocks.get(127)).asString().contains("lastLayer=4", "text=Text of block 127. ");
                });
    }

    @ParameterizedTest
    @CsvSource({
        "QUEUE_FULL, 503",
        "QUEUE_TIMEOUT, 503",
        "TIMEOUT, 504",
        "CLOSED, 503",
        "PROMPT_TOO_LONG, 413",
        "OUT_OF_MEMORY, 413"
    })
    void aRefusalBeforeTheAnswerIsAStatusAndAProblem(EngineException.Kind kind, int status) {
        model.streams(Flux.error(new EngineException(kind, "what to do")));

        exchange("Who?", false)
                .expectStatus()
                .isEqualTo(status)
                .expectHeader()
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .expectBody()
                .jsonPath("$.kind")
                .isEqualTo(kind.name())
                .jsonPath("$.detail")
                .isEqualTo("what to do");
    }

    @Test
    void whatBrokeIsForTheLogAlone() {
        model.streams(Flux.error(new IllegalStateException("stream 7 of device 0")));

        exchange("Who?", false)
                .expectStatus()
                .isEqualTo(500)
                .expectBody()
                .jsonPath("$.kind")
                .isEqualTo("INTERNAL")
                .jsonPath("$.detail")
                .doesNotExist();
    }

    @Test
    void aSlowReaderDoesNotHoldUpAnother() throws InterruptedException {
        model.streams(Flux.range(0, 20_000)
                .map(index -> StubChatModel.piece("piece " + index + " "))
                .concatWith(StubChatModel.pieces("end")));
        CountDownLatch started = new CountDownLatch(1);
        // Asks for one event and for no more.
        BaseSubscriber<ServerSentEvent<Map<String, Object>>> slow = new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                subscription.request(1);
            }

            @Override
            protected void hookOnNext(ServerSentEvent<Map<String, Object>> event) {
                started.countDown();
            }
        };
        exchange("Who?", false).returnResult(EVENTS).getResponseBody().subscribe(slow);
        assertThat(started.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();

        model.streams(StubChatModel.pieces("quick"));
        assertThat(ask("Who?", false))
                .extracting(ServerSentEvent::event)
                .containsExactly("sources", "text", "finished");
        slow.cancel();
    }

    @Test
    void aFailureIsTheLastEvent() {
        model.streams(Flux.concat(
                Flux.just(StubChatModel.piece("Ha")),
                Flux.error(new EngineException(EngineException.Kind.TIMEOUT, "it took too long"))));

        List<ServerSentEvent<Map<String, Object>>> events = ask("Who?", false);

        assertThat(events).extracting(ServerSentEvent::event).endsWith("error");
        assertThat(data(events, events.size() - 1))
                .containsEntry("detail", "it took too long")
                .containsEntry("kind", "TIMEOUT");
    }

    @Test
    void closingTheConnectionCancelsTheModel() throws InterruptedException {
        CountDownLatch cancelled = new CountDownLatch(1);
        model.streams(
                Flux.concat(Flux.just(StubChatModel.piece("Ha")), Flux.never()).doOnCancel(cancelled::countDown));
        CountDownLatch received = new CountDownLatch(1);

        Disposable reader = exchange("Who?", false)
                .expectStatus()
                .isOk()
                .returnResult(EVENTS)
                .getResponseBody()
                .filter(event -> "text".equals(event.event()))
                .subscribe(event -> received.countDown());
        assertThat(received.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(cancelled.getCount()).isOne();
        reader.dispose();

        assertThat(cancelled.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void denseMayBeLeftOut() {
        model.streams(StubChatModel.pieces("x"));

        client.post()
                .uri("/api/ask")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{\"question\": \"Who?\"}")
                .exchange()
                .expectStatus()
                .isOk();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"question\": \"  \"}", "not json"})
    void refusesARequestWithoutAQuestion(String body) {
        client.post()
                .uri("/api/ask")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(body)
                .exchange()
                .expectStatus()
                .isBadRequest();
    }

    @Test
    void refusesAQuestionThatIsTooLong() {
        exchange("x".repeat(AskController.QUESTION_CHARACTERS_MAX + 1), false)
                .expectStatus()
                .isBadRequest();
    }

    @Test
    void refusesWhatAFormOfAnotherSiteCouldSend() {
        client.post()
                .uri("/api/ask")
                .contentType(MediaType.TEXT_PLAIN)
                .bodyValue("{\"question\": \"Who?\"}")
                .exchange()
                .expectStatus()
                .isEqualTo(415);
    }

    @Test
    void servesThePageWithAPolicyThatForbidsEverythingElse() {
        client.get()
                .uri("/")
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .value("Content-Security-Policy", policy -> assertThat(policy)
                        .contains(
                                "default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';")
                        .doesNotContain("unsafe"))
                .expectHeader()
                .valueEquals("X-Content-Type-Options", "nosniff");
    }

    @Test
    void aSiteWhoseNamePointsAtThisMachineIsRefused() {
        client.get()
                .uri("/")
                .header("Host", "documents.example")
                .exchange()
                .expectStatus()
                .isEqualTo(421);
    }

    @Test
    void saysWhatAnswers() {
        client.get()
                .uri("/api/about")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .jsonPath("$.topK")
                .isEqualTo(3)
                .jsonPath("$.examples[0]")
                .isEqualTo("What is the supplier of pump P-113?");
    }

    private List<ServerSentEvent<Map<String, Object>>> ask(String question, boolean dense) {
        return Objects.requireNonNull(exchange(question, dense)
                .expectStatus()
                .isOk()
                .expectHeader()
                .contentTypeCompatibleWith(MediaType.TEXT_EVENT_STREAM)
                .returnResult(EVENTS)
                .getResponseBody()
                .collectList()
                .block(PATIENCE));
    }

    private WebTestClient.ResponseSpec exchange(String question, boolean dense) {
        return exchange(Map.of("question", question, "dense", dense));
    }

    private WebTestClient.ResponseSpec exchange(Map<String, Object> body) {
        return client.post()
                .uri("/api/ask")
                .contentType(MediaType.APPLICATION_JSON)
                .accept(MediaType.TEXT_EVENT_STREAM)
                .bodyValue(body)
                .exchange();
    }

    private SlimInferChatOptions options() {
        return (SlimInferChatOptions) Objects.requireNonNull(model.lastPrompt().getOptions());
    }

    private static Map<String, Object> data(List<ServerSentEvent<Map<String, Object>>> events, int index) {
        return Objects.requireNonNull(events.get(index).data());
    }

    @TestConfiguration(proxyBeanMethods = false)
    static class Stubs {

        @Bean
        StubChatModel chatModel() {
            return new StubChatModel();
        }
    }
}
