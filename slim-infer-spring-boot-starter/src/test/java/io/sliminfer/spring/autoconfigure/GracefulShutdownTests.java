package io.sliminfer.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineState;
import io.sliminfer.spring.SlimInferChatModel;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;

/** A real application with the tiny model on the slow backend is closed while one prompt is in prefill and another waits. */
class GracefulShutdownTests {

    private static final Duration LONG = Duration.ofMinutes(3);

    private final HttpClient http = HttpClient.newHttpClient();

    @Test
    void drainsBesideTheWebServer() {
        assertThat(EngineDrain.PHASE).isEqualTo(WebServerApplicationContext.GRACEFUL_SHUTDOWN_PHASE);
    }

    @Test
    void runningAnswersFinishAndWaitingOnesAreRefused() throws Exception {
        ConfigurableApplicationContext context = start("3m");
        ChatEngine engine = context.getBean(ChatEngine.class);
        CompletableFuture<HttpResponse<String>> running = ask(context, 30);
        await().atMost(LONG).until(() -> engine.engine().snapshot().running() == 1);
        CompletableFuture<HttpResponse<String>> waiting = ask(context, 1);
        await().atMost(LONG).until(() -> engine.engine().snapshot().queued() == 1);

        // A thread of its own: the common pool may have one thread only, and the HTTP client needs it to hand over the
        // refusal.
        CompletableFuture<Void> closed =
                CompletableFuture.runAsync(context::close, task -> new Thread(task, "close").start());

        HttpResponse<String> refused = waiting.get(LONG.toSeconds(), TimeUnit.SECONDS);
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).contains("5");
        assertThat(refused.body()).contains("CLOSED");
        assertThat(running)
                .as("the running answer when the waiting one is refused")
                .isNotDone();
        HttpResponse<String> answered = running.get(LONG.toSeconds(), TimeUnit.SECONDS);
        assertThat(answered.statusCode()).as(answered.body()).isEqualTo(200);
        assertThat(answered.body()).isNotBlank();
        closed.get(LONG.toSeconds(), TimeUnit.SECONDS);
        assertThat(engine.engine().snapshot().state()).isEqualTo(EngineState.CLOSED);
    }

    @Test
    void whatTakesLongerThanBootsTimeoutIsStopped() throws Exception {
        ConfigurableApplicationContext context = start("400ms");
        ChatEngine engine = context.getBean(ChatEngine.class);
        CompletableFuture<HttpResponse<String>> running = ask(context, 100);
        await().atMost(LONG).until(() -> engine.engine().snapshot().running() == 1);

        context.close();

        assertThat(engine.engine().snapshot().state()).isEqualTo(EngineState.CLOSED);
        assertThat(engine.engine().snapshot().requests()).isEmpty();
        // The server may have closed the connection before the refusal came through it.
        running.handle((response, failure) -> {
                    assertThat(failure != null || response.statusCode() == 503).isTrue();
                    return null;
                })
                .get(LONG.toSeconds(), TimeUnit.SECONDS);
    }

    private static ConfigurableApplicationContext start(String timeout) {
        return new SpringApplicationBuilder(Application.class)
                .run(
                        "--spring.main.web-application-type=reactive",
                        "--server.address=127.0.0.1",
                        "--server.port=0",
                        "--slim-infer.model=classpath:slim-infer-tiny",
                        "--slim-infer.backend=java",
                        "--slim-infer.threads=1",
                        "--slim-infer.batch-max=1", // so that a short prompt waits too
                        "--slim-infer.prefill-tile=32",
                        "--slim-infer.pruning.enabled=false",
                        "--slim-infer.chat.max-tokens=2",
                        "--spring.lifecycle.timeout-per-shutdown-phase=" + timeout);
    }

    /** A prompt of about 14 tokens a sentence. */
    private CompletableFuture<HttpResponse<String>> ask(ConfigurableApplicationContext context, int sentences) {
        int port = ((WebServerApplicationContext) context).getWebServer().getPort();
        return http.sendAsync(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/ask"))
                        .POST(HttpRequest.BodyPublishers.ofString(
                                "The supplier of pump P-113 is Halden Works. ".repeat(sentences)))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {

        @RestController
        static class Controller {

            private final SlimInferChatModel model;

            Controller(SlimInferChatModel model) {
                this.model = model;
            }

            @PostMapping("/ask")
            Mono<String> ask(@RequestBody String question) {
                return model.stream(question).collect(Collectors.joining());
            }
        }
    }
}
