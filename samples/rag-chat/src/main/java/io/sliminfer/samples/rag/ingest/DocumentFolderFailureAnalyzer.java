package io.sliminfer.samples.rag.ingest;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Shows a {@link DocumentFolderException} as a description and an action instead of a stack trace. */
final class DocumentFolderFailureAnalyzer extends AbstractFailureAnalyzer<DocumentFolderException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, DocumentFolderException cause) {
        return new FailureAnalysis(cause.getMessage(), cause.action(), cause);
    }
}
