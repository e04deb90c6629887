package io.sliminfer.spring.autoconfigure;

import io.sliminfer.engine.EngineListener;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.LivenessState;
import org.springframework.context.ApplicationEventPublisher;

/**
 * Tells Boot that the application is broken once its engine has failed: a lost device or a broken invariant does not come back without
 * a restart, and a liveness probe is what restarts. A request that fails alone breaks nothing.
 */
final class EngineLiveness implements EngineListener {

    private final ApplicationEventPublisher events;

    EngineLiveness(ApplicationEventPublisher events) {
        this.events = events;
    }

    @Override
    public void stopped(Throwable cause) {
        AvailabilityChangeEvent.publish(events, cause, LivenessState.BROKEN);
    }
}
