package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.chat.ChatEngines;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.golden.TinyModel;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.GrammarWalk;
import io.sliminfer.grammar.RandomVocabulary;
import io.sliminfer.grammar.TokenGrammar;
import io.sliminfer.grammar.TokenVocabulary;
import io.sliminfer.grammar.json.JsonGrammars;
import io.sliminfer.grammar.json.JsonSchemaException;
import java.math.BigDecimal;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.client.AdvisorParams;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.converter.BeanOutputConverter;
import org.springframework.core.ParameterizedTypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Records through Spring AI's converters and {@code ChatClient}, answered by the tiny model, which knows nothing of JSON. */
@Timeout(300)
class StructuredOutputTests {

    enum Priority {
        LOW,
        HIGH
    }

    record Item(String name, int count, @Nullable Double price) {}

    record Order(
            String customer, List<Item> items, Priority priority, LocalDate due, boolean paid, Optional<String> note) {}

    record Verdict(Priority priority, boolean paid, LocalDate due) {}

    record Category(String name, List<Category> children) {}

    record Times(
            LocalDate date,
            OffsetTime time,
            Instant instant,
            OffsetDateTime offset,
            Duration duration,
            UUID id,
            URI link) {}

    record Numbers(int i, long l, float f, double d, Integer boxed, BigDecimal big, Map<String, Object> map) {}

    private static ChatEngine engine;
    private static SlimInferChatModel model;

    @BeforeAll
    static void open() {
        assumeThat(TinyModel.isThere()).as("the tiny model is in the checkout").isTrue();
        engine = ChatEngines.open(TinyModel.folder(), EngineSettings.defaults());
        model = SlimInferChatModel.builder().engine(engine).build();
    }

    @AfterAll
    static void close() {
        if (engine != null) {
            engine.close();
        }
    }

    private static SlimInferChatOptions.Builder options(@Nullable Long seed) {
        SlimInferChatOptions.Builder options =
                SlimInferChatOptions.builder().maxTokens(600).repetitionPenalty(1.2);
        return seed == null ? options : options.seed(seed).temperature(1.0);
    }

    /** A schema with short strings and lists: the tiny model would go on for long. */
    private static String bounded(String schema) {
        JsonNode root = JsonMapper.shared().readTree(schema);
        for (JsonNode type : root.findParents("type")) {
            ObjectNode node = (ObjectNode) type;
            String types = type.get("type").toString();
            if (types.contains("string") && !node.has("enum") && !node.has("format")) {
                node.put("maxLength", 12);
            } else if (types.contains("array")) {
                node.put("maxItems", 2);
            }
        }
        return root.toString();
    }

    private static <T> T answer(BeanOutputConverter<T> converter, @Nullable Long seed) {
        ChatResponse response = model.call(new Prompt(
                "Give an example.",
                options(seed).outputSchema(bounded(converter.getJsonSchema())).build()));
        String text = response.getResult().getOutput().getText();
        Boolean complete = response.getMetadata().get(SlimInferMetadata.FORMAT_COMPLETE);
        assertThat(complete)
                .as("%s of schema %s ended with %s", text, converter.getJsonSchema(), response.getResult())
                .isTrue();
        assertThat(response.getResult().getMetadata().getFinishReason()).isEqualTo("STOP");
        return converter.convert(text);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void recordsComeBackWhateverTheModelWouldSay(long seed) {
        Order order = answer(new BeanOutputConverter<>(Order.class), seed);
        assertThat(order.customer()).isNotNull();
        assertThat(order.items()).isNotNull();
        assertThat(order.priority()).isIn((Object[]) Priority.values());
        assertThat(order.due()).isNotNull();
    }

    @Test
    void whatRandomTokensWriteUnderASchemaBecomesTheRecord() {
        Random random = new Random(11);
        TokenVocabulary vocabulary = RandomVocabulary.of(random, 1_000);
        for (BeanOutputConverter<?> converter : List.of(
                new BeanOutputConverter<>(Order.class),
                new BeanOutputConverter<>(new ParameterizedTypeReference<List<Item>>() {}),
                new BeanOutputConverter<>(Numbers.class),
                new BeanOutputConverter<>(Category.class),
                new BeanOutputConverter<>(Times.class))) {
            TokenGrammar grammar = new TokenGrammar(JsonGrammars.schema(converter.getJsonSchema()), vocabulary);
            for (int i = 0; i < 20; i++) {
                String text = GrammarWalk.random(grammar, vocabulary, random);
                assertThatCode(() -> assertThat(converter.convert(text)).isNotNull())
                        .as("%s of schema %s", text, converter.getJsonSchema())
                        .doesNotThrowAnyException();
            }
        }
    }

    @Test
    void theChatClientsNativeWayToEntitiesNeedsNoInstructions() {
        ChatClient client = ChatClient.builder(model)
                .defaultOptions(options(9L))
                .defaultAdvisors(AdvisorParams.ENABLE_NATIVE_STRUCTURED_OUTPUT)
                .build();
        Verdict verdict = client.prompt().user("A verdict, please.").call().entity(Verdict.class);
        assertThat(verdict).isNotNull();
        assertThat(verdict.priority()).isNotNull();
    }

    @Test
    void aStreamHasTheFormatToo() {
        BeanOutputConverter<Verdict> converter = new BeanOutputConverter<>(Verdict.class);
        List<ChatResponse> pieces = model.stream(new Prompt(
                        "Give an example.",
                        options(3L).outputSchema(converter.getJsonSchema()).build()))
                .collectList()
                .block();
        StringBuilder text = new StringBuilder();
        pieces.forEach(piece -> text.append(piece.getResult().getOutput().getText()));
        assertThat(converter.convert(text.toString())).isNotNull();
        assertThat(pieces.get(pieces.size() - 1).getMetadata().<Boolean>get(SlimInferMetadata.FORMAT_COMPLETE))
                .isTrue();
    }

    @Test
    void jsonModeIsAnObjectOrTheBeginningOfOne() {
        ChatResponse response = model.call(new Prompt(
                "Say something.",
                options(4L)
                        .responseFormat(ResponseFormatMode.JSON_OBJECT)
                        .maxTokens(100)
                        .build()));
        String text = response.getResult().getOutput().getText();
        Boolean complete = response.getMetadata().get(SlimInferMetadata.FORMAT_COMPLETE);
        if (complete) {
            JsonNode object = JsonMapper.shared().readTree(text);
            assertThat(object.isObject()).isTrue();
        } else {
            assertThat(response.getResult().getMetadata().getFinishReason()).isEqualTo("LENGTH");
            assertThat(JsonGrammars.object().match(text)).isEqualTo(Grammar.Match.PREFIX);
        }
    }

    @Test
    void anAnswerThatWasCutSaysSo() {
        SlimInferChatOptions.Builder options =
                options(1L).outputSchema(bounded(new BeanOutputConverter<>(Order.class).getJsonSchema()));
        ChatResponse shortened =
                model.call(new Prompt("Give an example.", options.maxTokens(5).build()));
        assertThat(shortened.getResult().getMetadata().getFinishReason()).isEqualTo("LENGTH");
        assertThat(shortened.getMetadata().<Boolean>get(SlimInferMetadata.FORMAT_COMPLETE))
                .isFalse();

        ChatResponse stopped = model.call(new Prompt(
                "Give an example.",
                options.maxTokens(300).stopSequences(List.of("tems")).build()));
        assertThat(stopped.getResult().getMetadata().getFinishReason()).isEqualTo("CUT");
        assertThat(stopped.getMetadata().<Boolean>get(SlimInferMetadata.FORMAT_COMPLETE))
                .isFalse();
    }

    @Test
    void anAnswerOfAnythingSaysNothingOfFormats() {
        ChatResponse response =
                model.call(new Prompt("Hello", options(null).maxTokens(3).build()));
        assertThat(response.getMetadata().containsKey(SlimInferMetadata.FORMAT_COMPLETE))
                .isFalse();
    }

    @Test
    void aSchemaThatCannotBeEnforcedIsRefusedByName() {
        Prompt prompt = new Prompt(
                "Hello",
                SlimInferChatOptions.builder()
                        .outputSchema("{\"properties\":{\"a\":{\"type\":\"array\",\"uniqueItems\":true}}}")
                        .build());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> model.call(prompt))
                .isInstanceOf(JsonSchemaException.class)
                .withMessageContaining("#/properties/a/uniqueItems is not supported");
    }
}
