package io.sliminfer.spring.actuate;

import io.sliminfer.chat.ChatEngine;
import java.util.Map;
import org.springframework.boot.actuate.info.Info;
import org.springframework.boot.actuate.info.InfoContributor;

/** Adds which model is served by what to {@code /actuator/info}. */
public final class SlimInferInfoContributor implements InfoContributor {

    private final ChatEngine engine;

    public SlimInferInfoContributor(ChatEngine engine) {
        this.engine = engine;
    }

    @Override
    public void contribute(Info.Builder builder) {
        EngineDescription description = EngineDescription.of(engine);
        builder.withDetail(
                SlimInferEndpoint.ID,
                Map.of(
                        "model", description.model().name(),
                        "architecture", description.model().architecture(),
                        "backend", description.backend().name(),
                        "device", description.backend().description(),
                        "computeType", description.backend().computeType(),
                        "pruningSchedule", description.pruning().schedule(),
                        "maxPromptTokens", description.limits().maxPromptTokens()));
    }
}
