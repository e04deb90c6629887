package io.sliminfer.grammar.json;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.GrammarWalk;
import io.sliminfer.grammar.RandomVocabulary;
import io.sliminfer.grammar.TokenGrammar;
import io.sliminfer.grammar.TokenVocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.exc.JsonNodeException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Random schemas in both directions, against another implementation's validator: what random tokens write under the masks
 * validates, what the schema describes is accepted token by token, and what the validator refuses is not. {@code -Dgrammar.cases=10000}
 * for more than a few.
 */
@Tag("once") // automata, which a JDK does not change
class RandomSchemaTests {

    private static final int CASES = Integer.getInteger("grammar.cases", 150);
    private static final long SEED = Long.getLong("grammar.seed", 1);

    private static final Pattern ADDRESS_END = Pattern.compile("(@[A-Za-z0-9.-]+\\.)([A-Za-z]{2,10})\"");

    /** One of each length. */
    private static final List<String> TOP_LEVEL_DOMAINS =
            List.of("ch", "org", "info", "world", "museum", "company", "software", "community", "foundation");

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private int unjudged;

    private final SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);

    @Test
    void whatIsWrittenValidatesAndWhatIsValidIsAccepted() {
        Random vocabularies = new Random(SEED);
        List<TokenVocabulary> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            all.add(RandomVocabulary.of(vocabularies, 400 + 200 * i));
        }
        for (int i = 0; i < CASES; i++) {
            long seed = SEED * 1_000_003 + i;
            Random random = new Random(seed);
            RandomSchema schema = new RandomSchema(random);
            try {
                check(schema, all.get(random.nextInt(all.size())), random);
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ", schema " + schema.schema(), e);
            }
        }
        assertThat(unjudged).as("texts on which the validator failed").isLessThan(1 + CASES / 100);
    }

    private void check(RandomSchema schema, TokenVocabulary vocabulary, Random random) {
        Schema validator = registry.getSchema(schema.schema(), InputFormat.JSON);
        Grammar grammar = JsonGrammars.schema(schema.schema());
        TokenGrammar tokens = new TokenGrammar(grammar, vocabulary);
        for (int i = 0; i < 2; i++) {
            String written = GrammarWalk.random(tokens, vocabulary, random);
            assertThat(errors(validator, written)).as("written: %s", written).isEmpty();
            assertThat(grammar.match(written)).as(written).isEqualTo(Grammar.Match.COMPLETE);
        }
        for (int i = 0; i < 3; i++) {
            String document = schema.document();
            assertThat(errors(validator, document))
                    .as("generated: %s", document)
                    .isEmpty();
            assertThat(grammar.match(document)).as("document: %s", document).isEqualTo(Grammar.Match.COMPLETE);
            int length = document.getBytes(StandardCharsets.UTF_8).length;
            assertThat(GrammarWalk.accepted(tokens, vocabulary, document, random))
                    .as("document in tokens: %s", document)
                    .isEqualTo(length);
            String damaged = damaged(document, random);
            if (!errors(validator, damaged).isEmpty()) {
                assertThat(grammar.match(damaged)).as("damaged: %s", damaged).isNotEqualTo(Grammar.Match.COMPLETE);
            }
        }
    }

    private static String damaged(String document, Random random) {
        StringBuilder text = new StringBuilder(document);
        int at = random.nextInt(text.length());
        switch (random.nextInt(3)) {
            case 0 -> text.deleteCharAt(at);
            case 1 -> text.insert(at, "\",0-{}[]:x1 ".charAt(random.nextInt(12)));
            default -> text.setCharAt(at, "\",0-{}[]:x1 ".charAt(random.nextInt(12)));
        }
        return text.toString();
    }

    private List<?> errors(Schema validator, String text) {
        JsonNode value;
        try {
            // The validator knows today's top-level domains, the format does not.
            value = MAPPER.readTree(ADDRESS_END
                    .matcher(text)
                    .replaceAll(end ->
                            end.group(1) + TOP_LEVEL_DOMAINS.get(end.group(2).length() - 2) + "\""));
        } catch (JacksonException e) {
            return List.of(e.getOriginalMessage());
        }
        if (value.isMissingNode()) {
            return List.of("nothing");
        }
        try {
            return validator.validate(
                    value, context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)));
        } catch (JsonNodeException e) {
            unjudged++; // it fails on an integer's bounds and a number beyond a long
            return List.of();
        }
    }
}
