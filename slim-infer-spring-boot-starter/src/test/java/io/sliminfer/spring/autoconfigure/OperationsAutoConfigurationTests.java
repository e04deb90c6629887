package io.sliminfer.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.tracing.Tracer;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineListener;
import io.sliminfer.spring.ChatEngineListener;
import io.sliminfer.spring.FakeChatEngine;
import io.sliminfer.spring.actuate.EngineReadiness;
import io.sliminfer.spring.actuate.SlimInferEndpoint;
import io.sliminfer.spring.actuate.SlimInferHealthIndicator;
import io.sliminfer.spring.actuate.SlimInferInfoContributor;
import io.sliminfer.spring.actuate.TtftHistory;
import io.sliminfer.spring.metrics.EngineMetrics;
import io.sliminfer.spring.tracing.StageSpans;
import io.sliminfer.spring.web.EngineExceptionAdvice;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.availability.ApplicationAvailability;
import org.springframework.boot.availability.ApplicationAvailabilityBean;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.LivenessState;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.ReactiveWebApplicationContextRunner;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.context.annotation.Configuration;

/** When the beans for operations are there, and that everything works without what they need. */
class OperationsAutoConfigurationTests {

    /** By name, as Spring Boot does it: a condition of a library that is absent is not there to be asked. */
    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        SlimInferAutoConfiguration.class,
        SlimInferEndpointAutoConfiguration.class,
        SlimInferHealthAutoConfiguration.class,
        SlimInferMetricsAutoConfiguration.class,
        SlimInferTracingAutoConfiguration.class,
        SlimInferWebAutoConfiguration.class
    })
    static class Imports {}

    @TempDir
    private Path folder;

    private final FakeChatEngine engine = new FakeChatEngine("Yes");
    private final List<EngineListener> listeners = new ArrayList<>();
    private final ChatEngineLoader loader = (path, settings, listener) -> {
        listeners.add(listener);
        return engine;
    };

    private ApplicationContextRunner runner;

    @BeforeEach
    void writeModel() throws Exception {
        Files.writeString(folder.resolve("config.json"), "{}");
        runner = new ApplicationContextRunner()
                .withUserConfiguration(Imports.class)
                .withBean(ChatEngineLoader.class, () -> loader)
                .withPropertyValues("slim-infer.model=" + folder);
    }

    @Test
    void withNothingElseThereIsHealthAndInfoOnly() {
        runner.run(context -> assertThat(context)
                .hasSingleBean(SlimInferHealthIndicator.class)
                .hasBean("sliminferHealthIndicator")
                .doesNotHaveBean(SlimInferEndpoint.class)
                .doesNotHaveBean(TtftHistory.class)
                .doesNotHaveBean(EngineMetrics.class)
                .doesNotHaveBean(StageSpans.class)
                .doesNotHaveBean(EngineExceptionAdvice.class));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "io.micrometer.core",
                "io.micrometer.tracing",
                "org.springframework.boot.actuate",
                "org.springframework.boot.health",
                "org.springframework.web,org.springframework.http",
                "io.micrometer.core,io.micrometer.tracing,org.springframework.boot.actuate,org.springframework.boot.health,org.springframework.web,org.springframework.http"
            })
    void worksWithoutOptionalDependencies(String packages) {
        runner.withClassLoader(without(packages.split(",")))
                .withPropertyValues("management.endpoints.web.exposure.include=*")
                .run(context -> assertThat(context.getBean(ChatModel.class).call("Question?"))
                        .isEqualTo("Yes"));
    }

    /** Neither their classes nor their class files, from which annotations are read, are found. */
    private static FilteredClassLoader without(String... packages) {
        return new FilteredClassLoader(name -> Arrays.stream(packages).anyMatch(name.replace('/', '.')::startsWith));
    }

    @Test
    void metersComeWithARegistry() {
        runner.withBean(MeterRegistry.class, SimpleMeterRegistry::new).run(context -> {
            assertThat(context).hasSingleBean(EngineMetrics.class);
            assertThat(context.getBean(MeterRegistry.class)
                            .get("slim.infer.queue.depth")
                            .gauge()
                            .value())
                    .isZero();
        });
    }

    @Test
    void spansComeWithATracer() {
        runner.withBean(Tracer.class, () -> Tracer.NOOP)
                .run(context -> assertThat(context).hasSingleBean(StageSpans.class));
    }

    @Test
    void theEndpointComesWhereItIsExposed() {
        runner.withPropertyValues("management.endpoints.web.exposure.include=sliminfer", "slim-infer.ttft-history=7")
                .run(context -> {
                    assertThat(context).hasSingleBean(SlimInferEndpoint.class).hasSingleBean(TtftHistory.class);
                    assertThat(context.getBean(TtftHistory.class).report().capacity())
                            .isEqualTo(7);
                });
        runner.withPropertyValues(
                        "management.endpoints.web.exposure.include=sliminfer",
                        "management.endpoint.sliminfer.access=NONE")
                .run(context -> assertThat(context).doesNotHaveBean(SlimInferEndpoint.class));
    }

    @Test
    void anEngineOfTheApplicationHasAnEndpointToo() {
        new ApplicationContextRunner()
                .withUserConfiguration(Imports.class)
                .withBean(ChatEngine.class, () -> engine)
                .withPropertyValues("spring.ai.model.chat=none", "management.endpoints.web.exposure.include=sliminfer")
                .run(context -> assertThat(context)
                        .hasSingleBean(SlimInferEndpoint.class)
                        .hasSingleBean(SlimInferHealthIndicator.class));
    }

    @Test
    void healthAndInfoMayBeTurnedOff() {
        runner.withPropertyValues(
                        "management.health.sliminfer.enabled=false", "management.info.sliminfer.enabled=false")
                .run(context -> assertThat(context)
                        .doesNotHaveBean(SlimInferHealthIndicator.class)
                        .doesNotHaveBean(EngineReadiness.class)
                        .doesNotHaveBean(SlimInferInfoContributor.class));
    }

    @Test
    void aReadinessGroupOfTheApplicationIsLeftAlone() {
        runner.run(context -> assertThat(context).hasSingleBean(EngineReadiness.class));
        runner.withPropertyValues("management.endpoint.health.group.readiness.include=readinessState")
                .run(context -> assertThat(context).doesNotHaveBean(EngineReadiness.class));
    }

    @Test
    void noneOfThemIsThereWithoutAnEngine() {
        runner.withPropertyValues("spring.ai.model.chat=none", "management.endpoints.web.exposure.include=*")
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .doesNotHaveBean(SlimInferEndpoint.class)
                        .doesNotHaveBean(SlimInferHealthIndicator.class)
                        .doesNotHaveBean(SlimInferInfoContributor.class)
                        .doesNotHaveBean(EngineMetrics.class));
    }

    @Test
    void bothKindsOfWebApplicationAnswerRefusals() {
        new WebApplicationContextRunner()
                .withUserConfiguration(Imports.class)
                .withBean(ChatEngine.class, () -> engine)
                .run(context -> assertThat(context).hasSingleBean(EngineExceptionAdvice.class));
        new ReactiveWebApplicationContextRunner()
                .withUserConfiguration(Imports.class)
                .withBean(ChatEngine.class, () -> engine)
                .run(context -> assertThat(context).hasSingleBean(EngineExceptionAdvice.class));
    }

    @Test
    void listenersOfTheApplicationAreToldAndShownTheEngine() {
        List<Object> seen = new ArrayList<>();
        ChatEngineListener own = new ChatEngineListener() {
            @Override
            public void opened(ChatEngine opened) {
                seen.add(opened);
            }

            @Override
            public void stopped(Throwable cause) {
                seen.add(cause);
            }
        };
        Throwable cause = new IllegalStateException("device lost");

        runner.withBean(ChatEngineListener.class, () -> own).run(context -> {
            listeners.get(0).stopped(cause);

            assertThat(seen).containsExactly(engine, cause);
        });
    }

    @Test
    void anEngineThatFailsBreaksLiveness() {
        runner.withBean(ApplicationAvailabilityBean.class).run(context -> {
            ApplicationAvailability availability = context.getBean(ApplicationAvailability.class);
            AvailabilityChangeEvent.publish(context, LivenessState.CORRECT);

            listeners.get(0).stopped(new IllegalStateException("device lost"));

            assertThat(availability.getLivenessState()).isEqualTo(LivenessState.BROKEN);
        });
    }

    @Test
    void springBootFindsAllOfThem() {
        assertThat(ImportCandidates.load(AutoConfiguration.class, getClass().getClassLoader()))
                .contains(
                        SlimInferEndpointAutoConfiguration.class.getName(),
                        SlimInferHealthAutoConfiguration.class.getName(),
                        SlimInferMetricsAutoConfiguration.class.getName(),
                        SlimInferTracingAutoConfiguration.class.getName(),
                        SlimInferWebAutoConfiguration.class.getName());
    }
}
