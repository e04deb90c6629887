package io.sliminfer.spring.web;

import io.sliminfer.engine.EngineException;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/**
 * Turns an {@link EngineException} that a controller lets through into a problem detail (RFC 9457), in MVC and WebFlux: 503 with
 * {@code Retry-After} where a later try may succeed, 504 after the request's own time-out, 413 where the request is too large for this
 * engine, 500 else. Last in order, so that
 * a handler of the application goes first. A response that has begun keeps its status: the stream just ends with an error.
 */
@RestControllerAdvice
@Order(Ordered.LOWEST_PRECEDENCE)
public class EngineExceptionAdvice {

    /** A guess: what a long prompt takes on a busy machine. Clients that know better may come sooner. */
    static final int RETRY_AFTER_SECONDS = 5;

    @ExceptionHandler
    ResponseEntity<ProblemDetail> answer(EngineException failure) {
        ProblemDetail problem = problem(failure);
        ResponseEntity.BodyBuilder response = ResponseEntity.status(problem.getStatus());
        if (problem.getStatus() == HttpStatus.SERVICE_UNAVAILABLE.value()) {
            response.header(HttpHeaders.RETRY_AFTER, String.valueOf(RETRY_AFTER_SECONDS));
        }
        return response.body(problem);
    }

    /** The problem alone, for controllers that tell it in another way, such as an event of a stream that has begun. */
    public static ProblemDetail problem(EngineException failure) {
        HttpStatus status =
                switch (failure.kind()) {
                    case QUEUE_FULL, QUEUE_TIMEOUT, CLOSED -> HttpStatus.SERVICE_UNAVAILABLE;
                    case TIMEOUT -> HttpStatus.GATEWAY_TIMEOUT;
                    case PROMPT_TOO_LONG, OUT_OF_MEMORY -> HttpStatus.CONTENT_TOO_LARGE;
                    case INVALID_LOGITS, CONSTRAINT, INTERNAL -> HttpStatus.INTERNAL_SERVER_ERROR;
                };
        // What a client did, it may read in full; what broke in here is for the log.
        ProblemDetail problem = status == HttpStatus.INTERNAL_SERVER_ERROR
                ? ProblemDetail.forStatus(status)
                : ProblemDetail.forStatusAndDetail(status, failure.getMessage());
        problem.setProperty("kind", failure.kind().name());
        return problem;
    }
}
