package io.sliminfer.samples.rag.web;

import io.sliminfer.samples.rag.AnswerEvent;
import io.sliminfer.samples.rag.DocumentAssistant;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import reactor.core.publisher.Flux;

/**
 * Streams an answer as server-sent events: {@code sources}, {@code text} for each piece, {@code finished}, or {@code error} with a message.
 * JSON in and a stream out: a page of another origin can neither send the one without being asked first nor read the other. Closing the
 * connection cancels the work.
 */
@RestController
class AskController {

    static final int QUESTION_CHARACTERS_MAX = 2_000;

    private static final Logger LOG = LoggerFactory.getLogger(AskController.class);

    private final DocumentAssistant assistant;

    AskController(DocumentAssistant assistant) {
        this.assistant = assistant;
    }

    @PostMapping(
            path = "/api/ask",
            consumes = MediaType.APPLICATION_JSON_VALUE,
            produces = MediaType.TEXT_EVENT_STREAM_VALUE)
    Flux<ServerSentEvent<Object>> ask(@RequestBody AskRequest request) {
        String question = request.question() == null ? "" : request.question().strip();
        if (question.isEmpty() || question.length() > QUESTION_CHARACTERS_MAX) {
            throw new ResponseStatusException(
                    HttpStatus.BAD_REQUEST,
                    "question has " + question.length() + " characters; 1 to " + QUESTION_CHARACTERS_MAX
                            + " are taken.");
        }
        return assistant.stream(question, Boolean.TRUE.equals(request.dense()))
                .map(AskController::event)
                .onErrorResume(failure -> {
                    // ChatClient wraps what the model reports, and only the cause says what to do.
                    Throwable cause = NestedExceptionUtils.getMostSpecificCause(failure);
                    LOG.warn("A question was not answered", cause);
                    return Flux.just(event("error", Map.of("message", String.valueOf(cause.getMessage()))));
                });
    }

    private static ServerSentEvent<Object> event(AnswerEvent event) {
        if (event instanceof AnswerEvent.Sources sources) {
            return event("sources", sources);
        }
        if (event instanceof AnswerEvent.Text text) {
            return event("text", text);
        }
        return event("finished", ((AnswerEvent.Finished) event).report());
    }

    private static ServerSentEvent<Object> event(String name, Object data) {
        return ServerSentEvent.builder(data).event(name).build();
    }
}
