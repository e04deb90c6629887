package io.sliminfer.cuda;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Looks for a GPU once and loads CUDA's libraries, so that tests may use the bindings. */
final class GpuCondition implements ExecutionCondition {

    /** Why there is no GPU, or empty. */
    private static final String MISSING = look();

    private static String look() {
        try {
            CudaProbe.Result probe = CudaProbe.ofSystem();
            if (!probe.complete()) {
                return probe.summary();
            }
            CudaNatives.load(CudaLibraries.ofSystem(System.getenv("LD_LIBRARY_PATH")));
            return "";
        } catch (Throwable e) {
            // Whatever it is: tests of this class would not run here.
            return e.toString();
        }
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (MISSING.isEmpty()) {
            return ConditionEvaluationResult.enabled("GPU found");
        }
        if (Boolean.getBoolean("gpu.required")) {
            throw new IllegalStateException("gpu.required=true, but " + MISSING);
        }
        return ConditionEvaluationResult.disabled(MISSING);
    }
}
