package io.sliminfer.samples.rag.web;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.junit.jupiter.params.provider.ValueSource;
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
        assertThat(data(events, 3))
                .containsEntry("promptTokens", 8_192)
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
    }

    @Test
    void aFailureIsTheLastEvent() {
        model.streams(Flux.concat(
                Flux.just(StubChatModel.piece("Ha")), Flux.error(new IllegalStateException("the queue is full"))));

        List<ServerSentEvent<Map<String, Object>>> events = ask("Who?", false);

        assertThat(events).extracting(ServerSentEvent::event).endsWith("error");
        assertThat(data(events, events.size() - 1)).containsEntry("message", "the queue is full");
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
    void servesThePageWithoutAnythingFromElsewhere() {
        String page = text("/");

        assertThat(page).contains("Content-Security-Policy", "app.js", "style.css");
        assertThat(page + text("/app.js") + text("/style.css")).doesNotContain("http://", "https://", "innerHTML");
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
        return client.post()
                .uri("/api/ask")
                .contentType(MediaType.APPLICATION_JSON)
                .accept(MediaType.TEXT_EVENT_STREAM)
                .bodyValue(Map.of("question", question, "dense", dense))
                .exchange();
    }

    private String text(String uri) {
        return Objects.requireNonNull(client.get()
                .uri(uri)
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody(String.class)
                .returnResult()
                .getResponseBody());
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
