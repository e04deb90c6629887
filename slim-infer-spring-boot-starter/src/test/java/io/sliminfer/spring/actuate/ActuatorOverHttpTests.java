package io.sliminfer.spring.actuate;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.sliminfer.engine.EngineState;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.LiveRequest;
import io.sliminfer.engine.RequestInfo;
import io.sliminfer.spring.FakeChatEngine;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.LivenessState;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What an operator reads, from a running application. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=reactive",
            "server.address=127.0.0.1",
            "spring.ai.model.chat=none",
            "management.endpoints.web.exposure.include=health,info,sliminfer,metrics",
            "management.endpoint.health.show-details=always"
        })
class ActuatorOverHttpTests {

    private static final LiveRequest DECODING =
            new LiveRequest(7, LiveRequest.State.DECODING, 5000, 12, Duration.ofMillis(2500));

    @LocalServerPort
    private int port;

    @Autowired
    private ApplicationContext context;

    @Autowired
    private FakeChatEngine engine;

    @Autowired
    private TtftHistory history;

    private final HttpClient http = HttpClient.newHttpClient();

    @BeforeEach
    void idle() {
        engine.snapshot = FakeChatEngine.IDLE;
        AvailabilityChangeEvent.publish(context, LivenessState.CORRECT);
    }

    @Test
    void theEndpointShowsTheEngine() throws Exception {
        engine.snapshot = FakeChatEngine.snapshot(EngineState.RUNNING, null, DECODING);

        String body = get("sliminfer", 200);

        assertThat(JsonPath.<Map<String, Object>>read(body, "$"))
                .containsOnlyKeys(
                        "model",
                        "backend",
                        "state",
                        "failure",
                        "pruning",
                        "limits",
                        "memory",
                        "deviceBytesPeak",
                        "kvCache",
                        "prefixCache",
                        "queue",
                        "requests");
        assertThat(JsonPath.<String>read(body, "$.model.name")).isEqualTo(FakeChatEngine.MODEL);
        assertThat(JsonPath.<String>read(body, "$.model.weights")).isEqualTo("bf16");
        assertThat(JsonPath.<List<String>>read(body, "$.model.kept.forms[*].type"))
                .containsExactly("int8", "bf16");
        assertThat(JsonPath.<Double>read(body, "$.model.kept.error")).isEqualTo(0.009);
        assertThat(JsonPath.<Integer>read(body, "$.model.kept.cached.found")).isEqualTo(7);
        assertThat(JsonPath.<String>read(body, "$.model.kept.kept[0].layer")).isEqualTo("model.layers.1.mlp.down_proj");
        assertThat(JsonPath.<String>read(body, "$.backend.description")).isEqualTo("no device at all");
        assertThat(JsonPath.<String>read(body, "$.state")).isEqualTo("running");
        assertThat(JsonPath.<Integer>read(body, "$.pruning.minPromptTokens")).isEqualTo(1024);
        assertThat(JsonPath.<Integer>read(body, "$.limits.queueCapacity")).isEqualTo(2);
        assertThat(JsonPath.<Integer>read(body, "$.memory.weightsBytes")).isEqualTo(1000);
        assertThat(JsonPath.<Integer>read(body, "$.kvCache.host.used")).isEqualTo(20);
        assertThat(JsonPath.<Integer>read(body, "$.prefixCache.hits")).isEqualTo(7);
        assertThat(JsonPath.<List<Map<String, Object>>>read(body, "$.requests"))
                .containsExactly(Map.of(
                        "id", 7, "state", "decoding", "promptTokens", 5000, "generatedTokens", 12, "ageSeconds", 2.5));
    }

    @Test
    void ttftShowsTheLastRequests() throws Exception {
        history.finished(new RequestInfo(1, 4096, 3, true), FinishReason.STOP, FakeChatEngine.REPORT);

        String body = get("sliminfer/ttft", 200);

        assertThat(JsonPath.<List<Double>>read(body, "$.requests[0].stages[*].millis"))
                .containsExactly(80.0, 35.0);
        assertThat(JsonPath.<String>read(body, "$.requests[0].at")).isEqualTo("2026-11-26T12:00:00Z");
        assertThat(JsonPath.<Double>read(body, "$.percentiles[0].pruned.p95")).isEqualTo(125.0);
        assertThat(JsonPath.<Object>read(body, "$.percentiles[0].dense")).isNull();
    }

    @Test
    void anotherSectionIsNotFound() throws Exception {
        get("sliminfer/prompts", 404);
    }

    @Test
    void healthAndReadinessFollowTheQueue() throws Exception {
        assertThat(JsonPath.<String>read(get("health", 200), "$.components.sliminfer.status"))
                .isEqualTo("UP");
        get("health/readiness", 200);

        engine.snapshot = FakeChatEngine.snapshot(EngineState.RUNNING, null, DECODING, DECODING, DECODING, DECODING);

        assertThat(JsonPath.<String>read(get("health", 503), "$.components.sliminfer.status"))
                .isEqualTo("OUT_OF_SERVICE");
        get("health/readiness", 503);
        get("health/liveness", 200);
    }

    @Test
    void aLostDeviceIsDownAndNotAlive() throws Exception {
        IllegalStateException lost = new IllegalStateException("device lost");
        engine.snapshot = FakeChatEngine.snapshot(EngineState.FAILED, lost);
        AvailabilityChangeEvent.publish(context, LivenessState.BROKEN);

        String health = get("health", 503);

        assertThat(JsonPath.<String>read(health, "$.components.sliminfer.status"))
                .isEqualTo("DOWN");
        assertThat(JsonPath.<String>read(health, "$.components.sliminfer.details.error"))
                .contains("device lost");
        get("health/liveness", 503);
        assertThat(JsonPath.<String>read(get("sliminfer", 200), "$.failure")).contains("device lost");
    }

    @Test
    void infoNamesTheModel() throws Exception {
        String info = get("info", 200);

        assertThat(JsonPath.<String>read(info, "$.sliminfer.model")).isEqualTo(FakeChatEngine.MODEL);
        assertThat(JsonPath.<String>read(info, "$.sliminfer.backend")).isEqualTo("fake");
    }

    private String get(String path, int status) throws Exception {
        HttpResponse<String> response = http.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/actuator/" + path))
                        .timeout(Duration.ofSeconds(30))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        return response.body();
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {

        @Bean
        FakeChatEngine engine() {
            return new FakeChatEngine("Yes");
        }
    }
}
