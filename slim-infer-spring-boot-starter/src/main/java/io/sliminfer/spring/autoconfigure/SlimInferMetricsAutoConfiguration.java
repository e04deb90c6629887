package io.sliminfer.spring.autoconfigure;

import io.micrometer.core.instrument.MeterRegistry;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.spring.metrics.EngineMetrics;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Meters of the engine, where there is a meter registry. {@code management.metrics.enable.slim.infer=false} turns ours off. */
@AutoConfiguration(
        after = SlimInferAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration",
            "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration"
        })
@ConditionalOnClass(MeterRegistry.class)
@ConditionalOnBean({MeterRegistry.class, ChatEngine.class})
public class SlimInferMetricsAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean
    EngineMetrics slimInferEngineMetrics(MeterRegistry registry) {
        return new EngineMetrics(registry);
    }
}
