package io.sliminfer.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.engine.KvUsage;
import io.sliminfer.spring.FakeChatEngine;
import io.sliminfer.spring.actuate.EngineDescription;
import io.sliminfer.spring.actuate.TtftReport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.aot.test.generate.TestGenerationContext;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.util.TestPropertyValues;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.aot.ApplicationContextAotGenerator;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.test.tools.CompileWithForkedClassLoader;
import org.springframework.core.test.tools.TestCompiler;

/** An application that Spring has processed ahead of time: what it keeps for reflection, and that it starts. */
@CompileWithForkedClassLoader
class AheadOfTimeTests {

    @Test
    void startsFromGeneratedCode() {
        TestGenerationContext generated = process();

        TestCompiler.forSystem().with(generated).compile(compiled -> {
            @SuppressWarnings("unchecked")
            ApplicationContextInitializer<GenericApplicationContext> initializer =
                    compiled.getInstance(ApplicationContextInitializer.class);
            try (GenericApplicationContext context = new GenericApplicationContext()) {
                properties().applyTo(context);
                initializer.initialize(context);
                context.refresh();

                assertThat(context.getBean(ChatModel.class).call("Question?")).isEqualTo("Yes");
                assertThat(context.containsBean("slimInferEndpoint")).isTrue();
            }
        });
    }

    @Test
    void whatTheEndpointSendsIsKept() {
        RuntimeHints hints = process().getRuntimeHints();

        for (Class<?> sent : new Class<?>[] {
            EngineDescription.class,
            EngineDescription.Request.class,
            TtftReport.class,
            TtftReport.Percentiles.class,
            KvUsage.Tier.class
        }) {
            assertThat(RuntimeHintsPredicates.reflection().onType(sent))
                    .as(sent.getName())
                    .accepts(hints);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "META-INF/services/io.sliminfer.backend.BackendProvider",
                "io/sliminfer/cuda/kernels/attend_decode.cu",
                "io/sliminfer/cuda/kernels/common.cuh"
            })
    void whatTheEngineReadsFromTheClassPathIsKept(String resource) {
        assertThat(RuntimeHintsPredicates.resource().forResource(resource))
                .accepts(process().getRuntimeHints());
    }

    private static TestGenerationContext process() {
        TestGenerationContext generated = new TestGenerationContext();
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        properties().applyTo(context);
        context.register(Application.class);
        new ApplicationContextAotGenerator().processAheadOfTime(context, generated);
        generated.writeGeneratedContent();
        return generated;
    }

    private static TestPropertyValues properties() {
        return TestPropertyValues.of(
                "slim-infer.model=classpath:slim-infer-tiny", "management.endpoints.web.exposure.include=sliminfer");
    }

    /** The loader is the application's, so that no model is loaded; the engine bean is ours. */
    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {

        @Bean
        ChatEngineLoader loader() {
            return (folder, settings, listener) -> new FakeChatEngine("Yes");
        }
    }
}
