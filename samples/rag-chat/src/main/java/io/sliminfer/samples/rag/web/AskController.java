package io.sliminfer.samples.rag.web;

import io.sliminfer.samples.rag.AnswerEvent;
import io.sliminfer.samples.rag.DocumentAssistant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Flux;

/**
 * Streams an answer as server-sent events: {@code sources}, {@code text} for each piece, {@code finished}, or {@code error} with a
 * {@link ProblemDetail}. A question that is refused before any event has that problem and its status as the response: 400, 413 for what is too
 * long, 503 while too many wait, 504 after its time-out. JSON in and a stream out: a page of another origin can neither send the one without being asked
 * first nor read the other. Closing the connection cancels the work.
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
            throw Refusal.of(new IllegalArgumentException("question has " + question.length() + " characters; 1 to "
                    + QUESTION_CHARACTERS_MAX + " are taken."));
        }
        return assistant.stream(question, request.prefill())
                .map(AskController::event)
                .onErrorMap(Refusal::of)
                .doOnError(Refusal.class, AskController::log)
                .switchOnFirst((first, events) -> first.isOnError()
                        ? events
                        : events.onErrorResume(Refusal.class, late -> Flux.just(event("error", late.problem()))));
    }

    @ExceptionHandler
    ResponseEntity<ProblemDetail> refused(Refusal refusal) {
        ProblemDetail problem = refusal.problem();
        // Named here, because the page asks for a stream.
        return ResponseEntity.status(problem.getStatus())
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .body(problem);
    }

    private static void log(Refusal refusal) {
        if (refusal.isFailure()) {
            LOG.warn("A question was not answered", refusal.getCause());
        } else {
            LOG.info("A question was refused: {}", refusal.problem().getDetail());
        }
    }

    private static ServerSentEvent<Object> event(AnswerEvent event) {
        if (event instanceof AnswerEvent.Sources sources) {
            return event("sources", sources);
        }
        if (event instanceof AnswerEvent.Text text) {
            return event("text", text);
        }
        return event("finished", event);
    }

    private static ServerSentEvent<Object> event(String name, Object data) {
        return ServerSentEvent.builder(data).event(name).build();
    }
}
