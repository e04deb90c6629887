package io.sliminfer.spring.autoconfigure;

import io.micrometer.tracing.Tracer;
import io.sliminfer.spring.tracing.StageSpans;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Spans for the stages of a request, where there is a tracer. */
@AutoConfiguration(
        after = SlimInferAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.micrometer.tracing.brave.autoconfigure.BraveAutoConfiguration",
            "org.springframework.boot.micrometer.tracing.opentelemetry.autoconfigure.OpenTelemetryTracingAutoConfiguration",
            "org.springframework.boot.micrometer.tracing.autoconfigure.MicrometerTracingAutoConfiguration"
        })
@ConditionalOnClass(Tracer.class)
@ConditionalOnBean(Tracer.class)
public class SlimInferTracingAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean
    StageSpans slimInferStageSpans(Tracer tracer) {
        return new StageSpans(tracer);
    }
}
