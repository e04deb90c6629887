package io.sliminfer.spring.autoconfigure;

import io.sliminfer.format.ModelFormatException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Shows what the engine found wrong with the files of {@code slim-infer.model} instead of a stack trace. */
final class ModelFormatFailureAnalyzer extends AbstractFailureAnalyzer<ModelFormatException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, ModelFormatException cause) {
        return new FailureAnalysis(
                "The model cannot be loaded: " + cause.getMessage(),
                "Complete or correct the folder that slim-infer.model names, or choose another model.",
                cause);
    }
}
