package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PruneSchedule;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Runs prompts through a model, dense and in float32, while a subclass sees each product with a weight. */
abstract class WatchedModel {

    /** Loads a weight for the model. */
    abstract Weight load(Backend backend, WeightSpec spec);

    /** Before a product; gives the weight that is to be multiplied by. */
    abstract Weight multiply(Backend backend, Tensor in, Weight weight);

    /** After a product with the weight as it was loaded. */
    void multiplied(Backend backend, Tensor out, Weight weight) {}

    /**
     * @param backend name of the backend that runs the model, or null for the best
     */
    final LocalEngine open(ModelFolder folder, @Nullable String backend, WeightPrecision weights, List<int[]> prompts) {
        EngineSettings settings = new EngineSettings(
                backend,
                new BackendSettings(DType.F32, 0).withWeights(weights),
                PruneSettings.of(PruneSchedule.dense(), 0),
                prompts.stream().mapToInt(prompt -> prompt.length).max().orElse(1),
                KvSettings.defaults().withPrefixes(PrefixSettings.off()),
                ServingSettings.of(1, 1),
                0);
        return LocalEngine.open(
                folder, settings, new WrappedProvider(Backends.choose(backend), this::watched), EngineListener.NONE);
    }

    /** Returns after the first token. */
    static void prefill(LocalEngine engine, int[] prompt) {
        CompletableFuture<GenerationReport> done = new CompletableFuture<>();
        engine.submit(new GenerationRequest(prompt, Sampling.GREEDY, 1, Set.of(), null), new TokenListener() {
            @Override
            public void onToken(int id) {}

            @Override
            public void onFinished(FinishReason reason, GenerationReport report) {
                done.complete(report);
            }

            @Override
            public void onFailed(RuntimeException failure) {
                done.completeExceptionally(failure);
            }
        });
        done.join();
    }

    private Backend watched(Backend backend) {
        Ops ops = proxy(Ops.class, (proxy, method, arguments) -> {
            switch (method.getName()) {
                case "linear", "linearAdd", "gatedLinear" -> {
                    Weight weight = (Weight) arguments[2];
                    Object[] changed = arguments.clone();
                    changed[2] = multiply(backend, (Tensor) arguments[1], weight);
                    call(method, backend.ops(), changed);
                    multiplied(backend, (Tensor) arguments[0], weight);
                    return null;
                }
                default -> {
                    return call(method, backend.ops(), arguments);
                }
            }
        });
        return proxy(Backend.class, (proxy, method, arguments) -> switch (method.getName()) {
            case "ops" -> ops;
            case "load" -> load(backend, (WeightSpec) arguments[0]);
            default -> call(method, backend, arguments);
        });
    }

    /** The operations in between are not of interest, and there are many of them. */
    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private static @Nullable Object call(Method method, Object target, Object @Nullable [] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
