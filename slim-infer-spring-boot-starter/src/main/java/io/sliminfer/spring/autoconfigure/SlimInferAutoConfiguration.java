package io.sliminfer.spring.autoconfigure;

import io.micrometer.observation.ObservationRegistry;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.chat.ChatEngines;
import io.sliminfer.engine.EngineListener;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.spring.ChatEngineListener;
import io.sliminfer.spring.ModelLocation;
import io.sliminfer.spring.ModelLocationException;
import io.sliminfer.spring.SlimInferChatModel;
import org.springframework.ai.chat.observation.ChatModelObservationConvention;
import org.springframework.ai.model.SpringAIModelProperties;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.context.LifecycleProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.core.io.ResourceLoader;

/**
 * Makes a {@link SlimInferChatModel} of the model at {@code slim-infer.model}. As with every Spring AI provider,
 * {@code spring.ai.model.chat} chooses among several: this one works if it is {@code slim-infer} or not set, and any other value,
 * such as {@code none}, turns it off. If it is on and {@code slim-infer.model} is not set, the application does not start, as with
 * providers that lack their key.
 */
@AutoConfiguration
@ConditionalOnProperty(
        name = SpringAIModelProperties.CHAT_MODEL,
        havingValue = SlimInferAutoConfiguration.ID,
        matchIfMissing = true)
@EnableConfigurationProperties(SlimInferProperties.class)
public class SlimInferAutoConfiguration {

    /** Value of {@code spring.ai.model.chat} that chooses this provider. */
    public static final String ID = "slim-infer";

    @Bean
    @ConditionalOnMissingBean
    ChatEngineLoader slimInferChatEngineLoader() {
        return ChatEngines::open;
    }

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    ChatEngine slimInferChatEngine(
            SlimInferProperties properties,
            ChatEngineLoader loader,
            ObjectProvider<EngineListener> listeners,
            ResourceLoader resourceLoader) {
        EngineSettings settings = properties.engineSettings();
        if (properties.model() == null) {
            throw new ModelLocationException(
                    "slim-infer.model is not set, so there is no model to load.",
                    "Set slim-infer.model to a folder, a file: URL, a classpath: location or hf:OWNER/NAME of a model;"
                            + " or set spring.ai.model.chat to another provider, or to none.");
        }
        ClassLoader classLoader = resourceLoader.getClassLoader();
        ModelLocation location = new ModelLocation(
                classLoader == null ? getClass().getClassLoader() : classLoader,
                properties.cacheDir(),
                properties.hub()::settings);
        EngineListener[] all = listeners.orderedStream().toArray(EngineListener[]::new);
        ChatEngine engine = loader.open(location.resolve(properties.model()), settings, EngineListener.of(all));
        for (EngineListener listener : all) {
            if (listener instanceof ChatEngineListener curious) {
                curious.opened(engine);
            }
        }
        return engine;
    }

    @Bean
    @ConditionalOnMissingBean
    EngineDrain slimInferEngineDrain(ChatEngine engine, ObjectProvider<LifecycleProperties> lifecycle) {
        return new EngineDrain(
                engine, lifecycle.getIfAvailable(LifecycleProperties::new).getTimeoutPerShutdownPhase());
    }

    @Bean
    @ConditionalOnMissingBean
    EngineLiveness slimInferEngineLiveness(ApplicationEventPublisher events) {
        return new EngineLiveness(events);
    }

    @Bean
    @ConditionalOnMissingBean
    SlimInferChatModel slimInferChatModel(
            ChatEngine engine,
            SlimInferProperties properties,
            ObjectProvider<ObservationRegistry> observationRegistry,
            ObjectProvider<ChatModelObservationConvention> observationConvention) {
        SlimInferChatModel.Builder model = SlimInferChatModel.builder()
                .engine(engine)
                .options(properties.chat().options())
                .observationRegistry(observationRegistry.getIfUnique(() -> ObservationRegistry.NOOP));
        observationConvention.ifAvailable(model::observationConvention);
        return model.build();
    }
}
