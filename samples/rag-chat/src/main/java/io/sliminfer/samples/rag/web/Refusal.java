package io.sliminfer.samples.rag.web;

import io.sliminfer.engine.EngineException;
import io.sliminfer.spring.web.EngineExceptionAdvice;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;

/**
 * Why a question is not answered, as an HTTP problem: {@code status}, {@code detail} with what to do, and {@code kind}, an
 * {@link EngineException.Kind} or {@code INVALID_REQUEST}. Only what broke in here has no detail: it is in the log.
 */
final class Refusal extends RuntimeException {

    static final String INVALID_REQUEST = "INVALID_REQUEST";

    private static final long serialVersionUID = 1;

    private final transient ProblemDetail problem;

    private Refusal(ProblemDetail problem, Throwable cause) {
        super(cause);
        this.problem = problem;
    }

    /** ChatClient wraps what the model reports, and only what is inside says what to do. */
    static Refusal of(Throwable failure) {
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof EngineException refused) {
                return new Refusal(EngineExceptionAdvice.problem(refused), refused);
            }
        }
        Throwable cause = NestedExceptionUtils.getMostSpecificCause(failure);
        if (cause instanceof IllegalArgumentException) {
            ProblemDetail problem =
                    ProblemDetail.forStatusAndDetail(HttpStatus.BAD_REQUEST, String.valueOf(cause.getMessage()));
            problem.setProperty("kind", INVALID_REQUEST);
            return new Refusal(problem, cause);
        }
        return of(new EngineException(EngineException.Kind.INTERNAL, String.valueOf(cause.getMessage()), cause));
    }

    /** Whether something broke, rather than a request that cannot be served now or at all. */
    boolean isFailure() {
        return problem.getStatus() == HttpStatus.INTERNAL_SERVER_ERROR.value();
    }

    ProblemDetail problem() {
        return problem;
    }
}
