package io.sliminfer.spring.autoconfigure;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.spring.actuate.EngineReadiness;
import io.sliminfer.spring.actuate.SlimInferEndpoint;
import io.sliminfer.spring.actuate.SlimInferHealthIndicator;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.health.actuate.endpoint.HealthEndpointGroupsPostProcessor;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.type.AnnotatedTypeMetadata;

/**
 * The engine's health as {@code sliminfer}, and in the readiness group unless {@code management.endpoint.health.group.readiness.include}
 * says what is in it.
 */
@AutoConfiguration(
        after = SlimInferAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.health.autoconfigure.actuate.endpoint.AvailabilityProbesAutoConfiguration",
            "org.springframework.boot.health.autoconfigure.actuate.endpoint.HealthEndpointAutoConfiguration"
        })
@ConditionalOnClass(HealthIndicator.class)
@ConditionalOnSingleCandidate(ChatEngine.class)
@ConditionalOnEnabledHealthIndicator(SlimInferEndpoint.ID)
public class SlimInferHealthAutoConfiguration {

    /** The bean's name gives the health component its name, {@code sliminfer}. */
    @Bean
    @ConditionalOnMissingBean(name = "sliminferHealthIndicator")
    SlimInferHealthIndicator sliminferHealthIndicator(ChatEngine engine) {
        return new SlimInferHealthIndicator(engine);
    }

    // Boot's own post-processor, which makes the readiness group, has this order too and is registered before.
    @Bean
    @Order(Ordered.LOWEST_PRECEDENCE)
    @ConditionalOnClass({HealthEndpointGroupsPostProcessor.class, SecurityContext.class})
    @Conditional(ReadinessIsNotConfigured.class)
    EngineReadiness slimInferReadiness() {
        return new EngineReadiness();
    }

    static class ReadinessIsNotConfigured implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return !Binder.get(context.getEnvironment())
                    .bind("management.endpoint.health.group.readiness.include", Bindable.listOf(String.class))
                    .isBound();
        }
    }
}
