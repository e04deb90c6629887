package io.sliminfer.spring.actuate;

import io.sliminfer.chat.ChatEngine;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;

/**
 * {@code /actuator/sliminfer}: the engine as it is now. {@code /actuator/sliminfer/ttft}: time to first token of the last requests.
 * Thread-safe.
 */
@Endpoint(id = SlimInferEndpoint.ID)
public final class SlimInferEndpoint {

    /** Of the endpoint; health and info contributor have the same name. */
    public static final String ID = "sliminfer";

    /** The one section. */
    static final String TTFT = "ttft";

    private final ChatEngine engine;
    private final TtftHistory history;

    public SlimInferEndpoint(ChatEngine engine, TtftHistory history) {
        this.engine = engine;
        this.history = history;
    }

    /** Model, backend, schedule, memory plan, live requests. */
    @ReadOperation
    public EngineDescription engine() {
        return EngineDescription.of(engine);
    }

    /**
     * @param section {@code ttft}
     * @return null, which is 404 over HTTP, if there is no such section
     */
    @ReadOperation
    public @Nullable TtftReport section(@Selector String section) {
        return section.equals(TTFT) ? history.report() : null;
    }
}
