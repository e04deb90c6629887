package io.sliminfer.benchmarks.trial;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.format.DType;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** The backend, dtype and form of weights that options name. What is refused names the option. */
public final class BackendChoice {

    /** Beginnings of the engine's refusals and what they are here. */
    private static final Map<String, String> OPTIONS = Map.of(
            "slim-infer.compute-type=", "--compute ",
            "slim-infer.backend=", "--backend ",
            "slim-infer.weights=", "--weights ");

    private BackendChoice() {}

    /** The provider that {@code --backend} names; it can be used here. */
    public static BackendProvider provider(CommandChecks checks, String name) {
        List<BackendProvider> providers = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .toList();
        BackendProvider provider = providers.stream()
                .filter(candidate -> candidate.name().equals(name))
                .findFirst()
                .orElseThrow(() -> checks.refused("--backend " + name + " is unknown: there are "
                        + String.join(
                                ", ",
                                providers.stream().map(BackendProvider::name).toList())));
        BackendProvider.Availability availability = provider.availability();
        if (!availability.usable()) {
            throw checks.refused("--backend " + name + " cannot be used here: " + availability.reason());
        }
        return provider;
    }

    /** The dtype that {@code --compute} names, or null for {@code auto}. */
    public static @Nullable DType compute(CommandChecks checks, String text) {
        return switch (text) {
            case "auto" -> null;
            case "f32" -> DType.F32;
            case "f16" -> DType.F16;
            case "bf16" -> DType.BF16;
            default -> throw checks.refused("--compute " + text + " is unknown: use f32, f16, bf16 or auto");
        };
    }

    /** The form of weights that {@code --weights} names. */
    public static WeightPrecision weights(CommandChecks checks, String text) {
        return checks.checked("--weights", () -> WeightPrecision.parse(text));
    }

    /** The engine's refusal of a setting, which names properties, with the options that stand for them. */
    public static RuntimeException inOptions(CommandChecks checks, IllegalArgumentException refusal) {
        String message = String.valueOf(refusal.getMessage());
        if (OPTIONS.keySet().stream().noneMatch(message::startsWith)) {
            return refusal;
        }
        for (Map.Entry<String, String> option : OPTIONS.entrySet()) {
            message = message.replace(option.getKey(), option.getValue());
        }
        return checks.refused(message);
    }
}
