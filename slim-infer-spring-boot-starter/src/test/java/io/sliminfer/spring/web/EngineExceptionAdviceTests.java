package io.sliminfer.spring.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.asyncDispatch;
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.get;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.header;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.jsonPath;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.status;

import io.sliminfer.engine.EngineException;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.test.web.reactive.server.WebTestClient;
import org.springframework.test.web.servlet.MockMvc;
import org.springframework.test.web.servlet.MvcResult;
import org.springframework.test.web.servlet.setup.MockMvcBuilders;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

class EngineExceptionAdviceTests {

    private static final String MESSAGE = "the numbers";

    private final MockMvc mvc = MockMvcBuilders.standaloneSetup(new Blocking())
            .setControllerAdvice(new EngineExceptionAdvice())
            .build();
    private final WebTestClient webFlux = WebTestClient.bindToController(new Reactive())
            .controllerAdvice(new EngineExceptionAdvice())
            .build();

    @ParameterizedTest
    @CsvSource({
        "QUEUE_FULL,503",
        "QUEUE_TIMEOUT,503",
        "CLOSED,503",
        "TIMEOUT,504",
        "PROMPT_TOO_LONG,413",
        "OUT_OF_MEMORY,413",
        "INVALID_LOGITS,500",
        "CONSTRAINT,500",
        "INTERNAL,500"
    })
    void eachKindHasItsStatus(EngineException.Kind kind, int expected) throws Exception {
        mvc.perform(get("/call/" + kind))
                .andExpect(status().is(expected))
                .andExpect(jsonPath("$.kind").value(kind.name()))
                .andExpect(jsonPath("$.status").value(expected));
        webFlux.get()
                .uri("/call/" + kind)
                .exchange()
                .expectStatus()
                .isEqualTo(expected)
                .expectHeader()
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .expectBody()
                .jsonPath("$.kind")
                .isEqualTo(kind.name());
    }

    @ParameterizedTest
    @EnumSource(EngineException.Kind.class)
    void onlyWhatMaySucceedLaterIsToBeTriedLater(EngineException.Kind kind) throws Exception {
        Set<EngineException.Kind> passing = Set.of(
                EngineException.Kind.QUEUE_FULL, EngineException.Kind.QUEUE_TIMEOUT, EngineException.Kind.CLOSED);
        String expected = passing.contains(kind) ? "5" : null;
        String got = mvc.perform(get("/call/" + kind)).andReturn().getResponse().getHeader("Retry-After");

        assertThat(got).isEqualTo(expected);
    }

    @Test
    void theClientReadsWhyItWasRefusedButNotWhatBroke() throws Exception {
        mvc.perform(get("/call/PROMPT_TOO_LONG")).andExpect(jsonPath("$.detail").value(MESSAGE));
        mvc.perform(get("/call/INTERNAL")).andExpect(jsonPath("$.detail").doesNotExist());
    }

    @Test
    void aWrappedRefusalIsFound() throws Exception {
        mvc.perform(get("/wrapped/QUEUE_FULL"))
                .andExpect(status().isServiceUnavailable())
                .andExpect(header().string("Retry-After", "5"));
        webFlux.get().uri("/wrapped/QUEUE_FULL").exchange().expectStatus().isEqualTo(HttpStatus.SERVICE_UNAVAILABLE);
    }

    @Test
    void aStreamThatIsRefusedBeforeItsFirstEventHasTheStatus() {
        webFlux.get()
                .uri("/stream/QUEUE_FULL")
                .accept(MediaType.TEXT_EVENT_STREAM)
                .exchange()
                .expectStatus()
                .isEqualTo(HttpStatus.SERVICE_UNAVAILABLE)
                .expectHeader()
                .valueEquals("Retry-After", "5");
    }

    @Test
    void aDeferredAnswerInMvcHasTheStatus() throws Exception {
        MvcResult started = mvc.perform(get("/later/QUEUE_FULL")).andReturn();

        mvc.perform(asyncDispatch(started)).andExpect(status().isServiceUnavailable());
    }

    @Test
    void aHandlerOfTheApplicationGoesFirst() throws Exception {
        MockMvc own = MockMvcBuilders.standaloneSetup(new Blocking())
                .setControllerAdvice(new EngineExceptionAdvice(), new OwnAdvice())
                .build();

        own.perform(get("/call/QUEUE_FULL")).andExpect(status().isConflict());
    }

    @RestController
    static class Blocking {

        @GetMapping("/call/{kind}")
        String call(@PathVariable EngineException.Kind kind) {
            throw new EngineException(kind, MESSAGE);
        }

        @GetMapping("/wrapped/{kind}")
        String wrapped(@PathVariable EngineException.Kind kind) {
            throw new IllegalStateException("an advisor failed", new EngineException(kind, MESSAGE));
        }

        @GetMapping("/later/{kind}")
        Mono<String> later(@PathVariable EngineException.Kind kind) {
            return Mono.error(new EngineException(kind, MESSAGE));
        }
    }

    @RestController
    static class Reactive {

        @GetMapping("/call/{kind}")
        Mono<String> call(@PathVariable EngineException.Kind kind) {
            return Mono.error(new EngineException(kind, MESSAGE));
        }

        @GetMapping("/wrapped/{kind}")
        Mono<String> wrapped(@PathVariable EngineException.Kind kind) {
            return Mono.error(new IllegalStateException("an advisor failed", new EngineException(kind, MESSAGE)));
        }

        @GetMapping(path = "/stream/{kind}", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
        Flux<String> stream(@PathVariable EngineException.Kind kind) {
            return Flux.error(new EngineException(kind, MESSAGE));
        }
    }

    @RestControllerAdvice
    @Order(0)
    static class OwnAdvice {

        @ExceptionHandler
        ResponseEntity<String> answer(EngineException failure) {
            return ResponseEntity.status(HttpStatus.CONFLICT).body(failure.getMessage());
        }
    }
}
