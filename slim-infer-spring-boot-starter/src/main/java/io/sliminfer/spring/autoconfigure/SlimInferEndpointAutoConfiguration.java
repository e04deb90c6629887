package io.sliminfer.spring.autoconfigure;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.spring.actuate.SlimInferEndpoint;
import io.sliminfer.spring.actuate.SlimInferInfoContributor;
import io.sliminfer.spring.actuate.TtftHistory;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.autoconfigure.info.ConditionalOnEnabledInfoContributor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** {@code /actuator/sliminfer} where it is exposed, and what {@code /actuator/info} says of the engine. */
@AutoConfiguration(after = SlimInferAutoConfiguration.class)
@ConditionalOnClass({SlimInferEndpoint.class, ConditionalOnAvailableEndpoint.class})
@ConditionalOnSingleCandidate(ChatEngine.class)
@EnableConfigurationProperties(SlimInferProperties.class)
public class SlimInferEndpointAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnEnabledInfoContributor(SlimInferEndpoint.ID)
    SlimInferInfoContributor slimInferInfoContributor(ChatEngine engine) {
        return new SlimInferInfoContributor(engine);
    }

    /** Nothing is kept where nobody can read it. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnAvailableEndpoint(SlimInferEndpoint.class)
    static class EndpointConfiguration {

        @Bean
        @ConditionalOnMissingBean
        TtftHistory slimInferTtftHistory(SlimInferProperties properties) {
            return new TtftHistory(properties.checkedTtftHistory());
        }

        @Bean
        @ConditionalOnMissingBean
        SlimInferEndpoint slimInferEndpoint(ChatEngine engine, TtftHistory history) {
            return new SlimInferEndpoint(engine, history);
        }
    }
}
