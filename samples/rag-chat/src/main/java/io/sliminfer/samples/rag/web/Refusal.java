package io.sliminfer.samples.rag.web;

import io.sliminfer.engine.EngineException;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;

/**
 * Why a question is not answered, as an HTTP problem: {@code status}, {@code detail} with what to do, and {@code kind}, an
 * {@link EngineException.Kind} or {@code INVALID_REQUEST}.
 */
final class Refusal extends RuntimeException {

    static final String INVALID_REQUEST = "INVALID_REQUEST";

    private static final long serialVersionUID = 1;

    private final HttpStatus status;
    private final String kind;

    private Refusal(HttpStatus status, String kind, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
        this.kind = kind;
    }

    /** ChatClient wraps what the model reports, and only the innermost cause says what to do. */
    static Refusal of(Throwable failure) {
        Throwable cause = NestedExceptionUtils.getMostSpecificCause(failure);
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof EngineException refused) {
                return new Refusal(
                        status(refused.kind()), refused.kind().name(), String.valueOf(refused.getMessage()), cause);
            }
        }
        return cause instanceof IllegalArgumentException
                ? new Refusal(HttpStatus.BAD_REQUEST, INVALID_REQUEST, String.valueOf(cause.getMessage()), cause)
                : new Refusal(
                        HttpStatus.INTERNAL_SERVER_ERROR,
                        EngineException.Kind.INTERNAL.name(),
                        String.valueOf(cause.getMessage()),
                        cause);
    }

    private static HttpStatus status(EngineException.Kind kind) {
        return switch (kind) {
            case PROMPT_TOO_LONG, OUT_OF_MEMORY -> HttpStatus.CONTENT_TOO_LARGE;
            case QUEUE_FULL, CLOSED -> HttpStatus.SERVICE_UNAVAILABLE;
            default -> HttpStatus.INTERNAL_SERVER_ERROR;
        };
    }

    /** Whether something broke, rather than a request that cannot be served now or at all. */
    boolean isFailure() {
        return status == HttpStatus.INTERNAL_SERVER_ERROR;
    }

    ProblemDetail problem() {
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, String.valueOf(getMessage()));
        problem.setProperty("kind", kind);
        return problem;
    }
}
