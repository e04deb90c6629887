package io.sliminfer.spring.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.config.NamingConvention;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.sliminfer.spring.SlimInferChatModel;
import io.sliminfer.spring.SlimInferChatOptions;
import io.sliminfer.spring.autoconfigure.SlimInferAutoConfiguration;
import io.sliminfer.spring.autoconfigure.SlimInferMetricsAutoConfiguration;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** The table of docs/operating.md, the meters by their definition, and those of a run of the tiny model say the same. */
class MetricsOfARunTests {

    private static final Path TABLE =
            Path.of(System.getProperty("repository.root", "..")).resolve("docs/operating.md");

    private static final PrometheusMeterRegistry REGISTRY = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    @BeforeAll
    static void askTheTinyModel() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        SlimInferAutoConfiguration.class, SlimInferMetricsAutoConfiguration.class))
                .withBean(PrometheusMeterRegistry.class, () -> REGISTRY)
                .withPropertyValues(
                        "slim-infer.model=classpath:slim-infer-tiny",
                        "slim-infer.backend=cpu",
                        "slim-infer.threads=1",
                        "slim-infer.chat.max-tokens=4")
                .run(context -> {
                    SlimInferChatModel model = context.getBean(SlimInferChatModel.class);
                    String text = "The supplier of pump P-113 is Halden Works. ".repeat(120);
                    model.call(new Prompt(text + "What is the supplier of pump P-113?"));
                    model.call(new Prompt(
                            "Which pump?",
                            SlimInferChatOptions.builder()
                                    .pruning(false)
                                    .maxTokens(2)
                                    .build()));
                });
    }

    @Test
    void theRunRegistersWhatIsDefined() {
        assertThat(REGISTRY.getMeters().stream()
                        .map(meter -> meter.getId().getName())
                        .collect(Collectors.toSet()))
                .isEqualTo(Stream.of(EngineMeter.values())
                        .map(EngineMeter::meterName)
                        .collect(Collectors.toSet()));
        for (EngineMeter meter : EngineMeter.values()) {
            assertThat(REGISTRY.get(meter.meterName()).meters())
                    .as(meter.meterName())
                    .allSatisfy(series -> assertThat(keys(series)).isEqualTo(Set.copyOf(meter.tags())));
        }
    }

    @Test
    void theRunMeasuresWhatItShould() {
        assertThat(REGISTRY.get(EngineMeter.TIME_TO_FIRST_TOKEN.meterName())
                        .tags(EngineMeter.Tags.PROMPT_LENGTH, "1k-4k", EngineMeter.Tags.PRUNED, "true")
                        .timer()
                        .count())
                .isOne();
        assertThat(REGISTRY.get(EngineMeter.PROMPT_TOKENS.meterName())
                        .tag(EngineMeter.Tags.PROMPT_LENGTH, "<1k")
                        .counter()
                        .count())
                .isBetween(5.0, 100.0);
        assertThat(REGISTRY.get(EngineMeter.PRUNED_SHARE.meterName())
                        .tag(EngineMeter.Tags.PRUNED, "true")
                        .summary()
                        .mean())
                .isBetween(0.3, 0.8);
        assertThat(REGISTRY.get(EngineMeter.MEMORY.meterName())
                        .tag(EngineMeter.Tags.KIND, "weights")
                        .gauge()
                        .value())
                .isGreaterThan(1e7);
    }

    @Test
    void theTableListsEachMeter() throws Exception {
        List<String> rows = Files.readAllLines(TABLE).stream()
                .filter(line -> line.startsWith("| `gen_ai.") || line.startsWith("| `slim.infer."))
                .toList();

        assertThat(rows)
                .containsExactlyElementsOf(Arrays.stream(EngineMeter.values())
                        .map(MetricsOfARunTests::row)
                        .toList());
    }

    @Test
    void prometheusIsGivenTheNamesOfTheTable() {
        String scrape = REGISTRY.scrape();

        for (EngineMeter meter : EngineMeter.values()) {
            assertThat(scrape).contains("\n# TYPE " + prometheusName(meter) + " ");
        }
    }

    private static String row(EngineMeter meter) {
        return "| `" + meter.meterName() + "` | `" + prometheusName(meter) + "` | "
                + meter.type().name().toLowerCase(Locale.ROOT)
                + (meter.unit() == null ? "" : ", " + meter.unit()) + " | "
                + meter.tags().stream()
                        .filter(tag -> !tag.startsWith("gen_ai."))
                        .map(tag -> "`" + tag + "`")
                        .collect(Collectors.joining(", "))
                + " | " + meter.description() + " |";
    }

    private static String prometheusName(EngineMeter meter) {
        NamingConvention convention = REGISTRY.config().namingConvention();
        Meter.Type type =
                switch (meter.type()) {
                    case TIMER -> Meter.Type.TIMER;
                    case SUMMARY -> Meter.Type.DISTRIBUTION_SUMMARY;
                    case COUNTER -> Meter.Type.COUNTER;
                    case GAUGE -> Meter.Type.GAUGE;
                };
        String name = convention.name(meter.meterName(), type, meter.unit());
        return meter.type() == EngineMeter.Type.COUNTER && !name.endsWith("_total") ? name + "_total" : name;
    }

    private static Set<String> keys(Meter meter) {
        return meter.getId().getTags().stream().map(Tag::getKey).collect(Collectors.toSet());
    }
}
