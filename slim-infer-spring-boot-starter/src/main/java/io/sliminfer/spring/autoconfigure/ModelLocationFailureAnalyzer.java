package io.sliminfer.spring.autoconfigure;

import io.sliminfer.spring.ModelLocationException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says what is wrong with {@code slim-infer.model} and what to do, instead of a stack trace. */
final class ModelLocationFailureAnalyzer extends AbstractFailureAnalyzer<ModelLocationException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, ModelLocationException cause) {
        return new FailureAnalysis(cause.description(), cause.action(), cause);
    }
}
