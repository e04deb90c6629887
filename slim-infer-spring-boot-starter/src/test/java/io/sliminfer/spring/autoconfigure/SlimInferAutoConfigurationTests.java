package io.sliminfer.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.Mockito.mock;

import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.tck.TestObservationRegistry;
import io.micrometer.observation.tck.TestObservationRegistryAssert;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.spring.FakeChatEngine;
import io.sliminfer.spring.ModelLocationException;
import io.sliminfer.spring.SlimInferChatModel;
import io.sliminfer.spring.SlimInferChatOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.chat.observation.ChatModelObservationConvention;
import org.springframework.ai.chat.observation.DefaultChatModelObservationConvention;
import org.springframework.ai.model.chat.client.autoconfigure.ChatClientAutoConfiguration;
import org.springframework.ai.model.chat.observation.autoconfigure.ChatObservationAutoConfiguration;
import org.springframework.ai.model.tool.autoconfigure.ToolCallingAutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class SlimInferAutoConfigurationTests {

    @TempDir
    private Path folder;

    private final FakeChatEngine engine = new FakeChatEngine("The ", "answer", ".");
    private final List<Path> opened = new ArrayList<>();
    private final List<EngineSettings> settings = new ArrayList<>();

    /** With a loader that gives the fake engine; no model is set. */
    private final ApplicationContextRunner bare = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(SlimInferAutoConfiguration.class))
            .withBean(ChatEngineLoader.class, () -> (path, engineSettings, listener) -> {
                opened.add(path);
                settings.add(engineSettings);
                return engine;
            });

    private ApplicationContextRunner runner = bare;

    @BeforeEach
    void writeModel() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{}");
        runner = bare.withPropertyValues("slim-infer.model=" + folder);
    }

    @Test
    void makesAChatModelOfTheFolder() {
        runner.run(context -> {
            assertThat(context).hasSingleBean(ChatModel.class).hasSingleBean(SlimInferChatModel.class);
            assertThat(context.getBean(ChatModel.class).call("Question?")).isEqualTo("The answer.");
            assertThat(opened).containsExactly(folder);
            assertThat(settings).containsExactly(EngineSettings.defaults());
        });
    }

    @Test
    void closesTheEngineWithTheContext() {
        runner.run(context -> assertThat(engine.isClosed()).isFalse());

        assertThat(engine.isClosed()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"slim-infer,true", "none,false", "ollama,false"})
    void followsTheChoiceOfChatModel(String choice, boolean on) {
        runner.withPropertyValues("spring.ai.model.chat=" + choice).run(context -> {
            assertThat(context.getBeansOfType(SlimInferChatModel.class)).hasSize(on ? 1 : 0);
            assertThat(context.getBeansOfType(ChatEngine.class)).hasSize(on ? 1 : 0);
            assertThat(opened).hasSize(on ? 1 : 0);
        });
    }

    @Test
    void backsOffFromAChatModelOfTheApplication() {
        SlimInferChatModel own =
                SlimInferChatModel.builder().engine(new FakeChatEngine()).build();

        runner.withBean(SlimInferChatModel.class, () -> own)
                .run(context ->
                        assertThat(context.getBean(SlimInferChatModel.class)).isSameAs(own));
    }

    @Test
    void anotherProvidersChatModelDoesNotTurnItOff() {
        runner.withBean("other", ChatModel.class, () -> mock(ChatModel.class))
                .run(context -> assertThat(context).hasSingleBean(SlimInferChatModel.class));
    }

    @Test
    void anEngineOfTheApplicationNeedsNoModelProperty() {
        FakeChatEngine own = new FakeChatEngine("Mine");

        bare.withBean(ChatEngine.class, () -> own).run(context -> {
            assertThat(context.getBean(ChatModel.class).call("Question?")).isEqualTo("Mine");
            assertThat(opened).isEmpty();
        });
    }

    @Test
    void withoutAModelItDoesNotStartAndSaysWhatToSet() {
        bare.run(context -> {
            assertThat(context).hasFailed();
            FailureAnalysis analysis = new ModelLocationFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis.getDescription()).contains("slim-infer.model is not set");
            assertThat(analysis.getAction())
                    .contains("Set slim-infer.model to a folder")
                    .contains("spring.ai.model.chat to another provider, or to none");
        });
    }

    @Test
    void aFolderThatDoesNotExistIsExplained() {
        bare.withPropertyValues("slim-infer.model=/absent/model").run(context -> {
            assertThat(context).getFailure().rootCause().isInstanceOf(ModelLocationException.class);
            assertThat(new ModelLocationFailureAnalyzer()
                            .analyze(context.getStartupFailure())
                            .getDescription())
                    .isEqualTo("slim-infer.model=/absent/model: /absent/model does not exist.");
        });
    }

    @Test
    void chatClientWorks() {
        runner.withConfiguration(AutoConfigurations.of(
                        ToolCallingAutoConfiguration.class,
                        ChatClientAutoConfiguration.class,
                        ChatObservationAutoConfiguration.class))
                .withPropertyValues("slim-infer.chat.temperature=0.25")
                .run(context -> {
                    ChatClient client =
                            context.getBean(ChatClient.Builder.class).build();
                    assertThat(client.prompt("Question?").call().content()).isEqualTo("The answer.");
                    assertThat(client.prompt("Question?").stream()
                                    .content()
                                    .collectList()
                                    .block())
                            .containsSubsequence("The ", "answer", ".");
                });
    }

    @Test
    void observesWithTheRegistryAndConventionOfTheApplication() {
        TestObservationRegistry registry = TestObservationRegistry.create();
        ChatModelObservationConvention convention = new DefaultChatModelObservationConvention() {
            @Override
            public String getContextualName(ChatModelObservationContext context) {
                return "mine";
            }
        };

        runner.withBean(ObservationRegistry.class, () -> registry)
                .withBean(ChatModelObservationConvention.class, () -> convention)
                .run(context -> context.getBean(ChatModel.class).call("Question?"));

        TestObservationRegistryAssert.assertThat(registry)
                .hasObservationWithNameEqualTo("gen_ai.client.operation")
                .that()
                .hasContextualNameEqualTo("mine");
    }

    @Test
    void configuredOptionsAreTheModelsDefaults() {
        runner.withPropertyValues("slim-infer.chat.max-tokens=12", "slim-infer.chat.stop-sequences=A,B")
                .run(context -> assertThat(
                                context.getBean(SlimInferChatModel.class).getOptions())
                        .isEqualTo(SlimInferChatOptions.builder()
                                .model(FakeChatEngine.MODEL)
                                .maxTokens(12)
                                .stopSequences(List.of("A", "B"))
                                .build()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"slim-infer.temprature", "slim-infer.chat.options.temperature", "slim-infer.pruning.layers"})
    void aMisspelledPropertyIsNamed(String property) {
        runner.withPropertyValues(property + "=1")
                .run(context -> assertThat(context).getFailure().rootCause().hasMessageContaining(property));
    }

    @Test
    void springBootFindsIt() {
        assertThat(ImportCandidates.load(AutoConfiguration.class, getClass().getClassLoader()))
                .contains(SlimInferAutoConfiguration.class.getName());
    }
}
