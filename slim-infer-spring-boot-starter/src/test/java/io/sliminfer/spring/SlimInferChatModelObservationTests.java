package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.micrometer.observation.Observation;
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor;
import io.micrometer.observation.tck.ObservationContextAssert;
import io.micrometer.observation.tck.TestObservationRegistry;
import io.micrometer.observation.tck.TestObservationRegistryAssert;
import io.sliminfer.engine.EngineException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.chat.observation.ChatModelObservationDocumentation.HighCardinalityKeyNames;
import org.springframework.ai.chat.observation.ChatModelObservationDocumentation.LowCardinalityKeyNames;
import org.springframework.ai.chat.observation.DefaultChatModelObservationConvention;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.observation.conventions.AiOperationType;
import reactor.test.StepVerifier;

class SlimInferChatModelObservationTests {

    private final TestObservationRegistry registry = TestObservationRegistry.create();
    private final FakeChatEngine engine = new FakeChatEngine("The ", "answer", ".");
    private final SlimInferChatModel model = SlimInferChatModel.builder()
            .engine(engine)
            .observationRegistry(registry)
            .build();
    private final Prompt prompt = new Prompt(
            "Question?",
            SlimInferChatOptions.builder()
                    .temperature(0.7)
                    .topK(4)
                    .topP(0.5)
                    .frequencyPenalty(0.0)
                    .presencePenalty(0.1)
                    .maxTokens(99)
                    .stopSequences(List.of("END"))
                    .build());

    @Test
    void observesACall() {
        model.call(prompt);

        assertObserved();
    }

    @Test
    void observesAStream() {
        model.stream(prompt).blockLast();

        assertObserved().hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_STREAM.asString(), "true");
    }

    private ObservationContextAssert<?> assertObserved() {
        TestObservationRegistryAssert.assertThat(registry)
                .doesNotHaveAnyRemainingCurrentObservation()
                .hasNumberOfObservationsWithNameEqualTo(DefaultChatModelObservationConvention.DEFAULT_NAME, 1);
        return TestObservationRegistryAssert.assertThat(registry)
                .hasObservationWithNameEqualTo(DefaultChatModelObservationConvention.DEFAULT_NAME)
                .that()
                .hasContextualNameEqualTo("chat " + FakeChatEngine.MODEL)
                .hasLowCardinalityKeyValue(
                        LowCardinalityKeyNames.AI_OPERATION_TYPE.asString(), AiOperationType.CHAT.value())
                .hasLowCardinalityKeyValue(LowCardinalityKeyNames.AI_PROVIDER.asString(), "slim_infer")
                .hasLowCardinalityKeyValue(LowCardinalityKeyNames.REQUEST_MODEL.asString(), FakeChatEngine.MODEL)
                .hasLowCardinalityKeyValue(LowCardinalityKeyNames.RESPONSE_MODEL.asString(), FakeChatEngine.MODEL)
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_TEMPERATURE.asString(), "0.7")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_TOP_K.asString(), "4")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_TOP_P.asString(), "0.5")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_FREQUENCY_PENALTY.asString(), "0.0")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_PRESENCE_PENALTY.asString(), "0.1")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_MAX_TOKENS.asString(), "99")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.REQUEST_STOP_SEQUENCES.asString(), "[\"END\"]")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.RESPONSE_FINISH_REASONS.asString(), "[\"STOP\"]")
                .hasHighCardinalityKeyValueWithKey(HighCardinalityKeyNames.RESPONSE_ID.asString())
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.USAGE_INPUT_TOKENS.asString(), "4096")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.USAGE_OUTPUT_TOKENS.asString(), "3")
                .hasHighCardinalityKeyValue(HighCardinalityKeyNames.USAGE_TOTAL_TOKENS.asString(), "4099")
                .hasBeenStarted()
                .hasBeenStopped();
    }

    @Test
    void recordsErrors() {
        engine.failure = new EngineException(EngineException.Kind.INVALID_LOGITS, "NaN");

        assertThatExceptionOfType(EngineException.class).isThrownBy(() -> model.call(prompt));
        assertStopped().hasError(engine.failure);

        registry.clear();
        StepVerifier.create(model.stream(prompt)).expectNextCount(3).verifyError(EngineException.class);
        assertStopped().hasError(engine.failure);
    }

    @Test
    void recordsRefusals() {
        engine.refusal = new EngineException(EngineException.Kind.QUEUE_FULL, "full");

        StepVerifier.create(model.stream(prompt)).verifyError(EngineException.class);
        assertStopped().hasError(engine.refusal);
    }

    @Test
    void stopsWhenTheStreamIsCancelled() {
        engine.endless = true;

        model.stream(prompt).take(2).blockLast();

        assertStopped().doesNotHaveError();
    }

    @Test
    void aStreamIsAChildOfTheSubscribersObservation() {
        Observation parent = Observation.start("parent", registry);

        model.stream(prompt)
                .contextWrite(context -> context.put(ObservationThreadLocalAccessor.KEY, parent))
                .blockLast();
        parent.stop();

        assertStopped().hasParentObservationEqualTo(parent);
    }

    @Test
    void theEngineIsAskedInTheObservationsScope() {
        List<Observation> current = new CopyOnWriteArrayList<>();
        engine.onSubmit = () -> current.add(registry.getCurrentObservation());

        model.call(prompt);
        model.stream(prompt).blockLast();

        assertThat(current).hasSize(2).allSatisfy(observation -> assertThat(
                        observation.getContextView().getName())
                .isEqualTo(DefaultChatModelObservationConvention.DEFAULT_NAME));
    }

    @Test
    void usesTheConventionGiven() {
        SlimInferChatModel named = SlimInferChatModel.builder()
                .engine(engine)
                .observationRegistry(registry)
                .observationConvention(new DefaultChatModelObservationConvention() {
                    @Override
                    public String getContextualName(ChatModelObservationContext context) {
                        return "mine";
                    }
                })
                .build();

        named.call(prompt);

        assertStopped().hasContextualNameEqualTo("mine");
    }

    private ObservationContextAssert<?> assertStopped() {
        return TestObservationRegistryAssert.assertThat(registry)
                .hasObservationWithNameEqualTo(DefaultChatModelObservationConvention.DEFAULT_NAME)
                .that()
                .hasBeenStarted()
                .hasBeenStopped();
    }
}
