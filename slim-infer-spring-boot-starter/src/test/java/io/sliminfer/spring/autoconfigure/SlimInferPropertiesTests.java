package io.sliminfer.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.DType;
import io.sliminfer.hub.HubSettings;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneSizes;
import io.sliminfer.prune.UnitAggregation;
import io.sliminfer.spring.SlimInferChatOptions;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;

class SlimInferPropertiesTests {

    @TempDir
    private Path temp;

    @Test
    void defaultsAreTheEngines() {
        SlimInferProperties properties = bind();

        assertThat(properties.engineSettings()).isEqualTo(EngineSettings.defaults());
        assertThat(properties.chat().options())
                .isEqualTo(SlimInferChatOptions.builder().build());
        assertThat(properties.model()).isNull();
    }

    @Test
    void mapsEveryEngineProperty() {
        SlimInferProperties properties = bind(
                "model=classpath:tiny",
                "cache-dir=/var/cache/models",
                "backend=cpu",
                "compute-type=bf16",
                "weights=int8",
                "weight-cache=" + temp.resolve("packed"),
                "threads=3",
                "max-prompt-tokens=1000",
                "kv-cache.memory=2GB",
                "kv-cache.host-memory=4GB",
                "kv-cache.disk=/var/cache/kv",
                "kv-cache.disk-size=8GB",
                "kv-cache.prefetch-layers=3",
                "kv-cache.swap-threshold=0.8",
                "kv-cache.type=int8",
                "prefix-cache.reuse=off",
                "prefix-cache.memory=1GB",
                "batch-max=4",
                "queue-capacity=5",
                "queue-wait=30s",
                "prefill-slice=20ms",
                "max-answer-tokens=2000",
                "prefill-tile=256",
                "cuda.device=1",
                "cuda.memory=20GB",
                "pruning.schedule=4:0.5,8:2048/0.05",
                "pruning.block=32",
                "pruning.unit=4",
                "pruning.window=16",
                "pruning.sink=0",
                "pruning.aggregation=mean",
                "pruning.min-prompt-tokens=100");

        PruneSchedule schedule =
                new PruneSchedule(32, 4, 16, 0, UnitAggregation.MEAN, PruneSchedule.parseSteps("4:0.5,8:2048/0.05"));
        assertThat(properties.engineSettings())
                .isEqualTo(new EngineSettings(
                        "cpu",
                        new BackendSettings(
                                DType.BF16,
                                3,
                                1,
                                20L << 30,
                                Path.of("/var/cache/models"),
                                WeightPrecision.INT8,
                                temp.resolve("packed")),
                        PruneSettings.of(schedule, 100),
                        1000,
                        new KvSettings(2L << 30, KvType.INT8, 4L << 30, Path.of("/var/cache/kv"), 8L << 30, 3, 0.8)
                                .withPrefixes(new PrefixSettings(PrefixSettings.Reuse.OFF, 1L << 30)),
                        new ServingSettings(4, 5, Duration.ofSeconds(30), Duration.ofMillis(20), 2000),
                        256));
        assertThat(properties.model()).isEqualTo("classpath:tiny");
        assertThat(properties.cacheDir()).isEqualTo(Path.of("/var/cache/models"));
    }

    @Test
    void aFolderForPackedWeightsIsCheckedBeforeAModelIsLoadedAndNotMade() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "");
        assertThatExceptionOfType(InvalidConfigurationPropertyValueException.class)
                .isThrownBy(() -> bind("weight-cache=" + file).engineSettings())
                .withMessageContainingAll("slim-infer.weight-cache", file.toString(), "it is a file: name a folder");
        assertThatExceptionOfType(InvalidConfigurationPropertyValueException.class)
                .isThrownBy(
                        () -> bind("weight-cache=" + temp.resolve("no/such")).engineSettings())
                .withMessageContainingAll("slim-infer.weight-cache", "its parent is no folder");

        bind("weight-cache=" + temp.resolve("new")).engineSettings();
        assertThat(temp.resolve("new")).doesNotExist();
    }

    @Test
    void mapsEveryPropertyOfTheHub() {
        SlimInferProperties.Hub hub = bind(
                        "hub.endpoint=https://hub.example", "hub.token=hf_secret", "hub.cache=/c", "hub.offline=true")
                .hub();

        assertThat(hub.settings())
                .isEqualTo(new HubSettings(URI.create("https://hub.example"), "hf_secret", Path.of("/c"), true));
        assertThat(hub.toString()).contains("https://hub.example").doesNotContain("hf_secret");
    }

    @Test
    void autoLeavesTheChoiceToTheEngine() {
        EngineSettings settings =
                bind("backend=auto", "compute-type=auto", "kv-cache.type=auto").engineSettings();

        assertThat(settings.backend()).isNull();
        assertThat(settings.backendSettings().compute()).isNull();
        assertThat(settings.kv().type()).isNull();
        assertThat(bind("compute-type=F32").engineSettings().backendSettings().compute())
                .isEqualTo(DType.F32);
    }

    @Test
    void sizesWithoutAScheduleApplyToTheEnginesChoice() {
        assertThat(bind("pruning.block=32", "pruning.min-prompt-tokens=0")
                        .engineSettings()
                        .pruning())
                .isEqualTo(PruneSettings.auto(new PruneSizes(32, null, null, null, null), 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"calibrated", " Calibrated"})
    void theScheduleMayHaveToBeTheModels(String schedule) {
        assertThat(bind("pruning.schedule=" + schedule).engineSettings().pruning())
                .isEqualTo(PruneSettings.calibrated(PruneSizes.NONE, 2048));
        assertThat(bind("pruning.schedule=auto").engineSettings().pruning()).isEqualTo(PruneSettings.defaults());
    }

    @Test
    void aBudgetMayBeAMassOfTheScore() {
        String schedule = "4:p0.9:0.125-0.5,8:p0.9:64-0.25/512";
        assertThat(bind("pruning.schedule=" + schedule).engineSettings().pruning())
                .isEqualTo(PruneSettings.of(PruneSchedule.dense().withSteps(PruneSchedule.parseSteps(schedule)), 2048));
    }

    @Test
    void answersByDefaultMustNotBeLongerThanTheyMay() {
        SlimInferProperties properties = bind("max-answer-tokens=100", "chat.max-tokens=101");

        assertInvalid(properties::engineSettings, "chat.max-tokens", "at most slim-infer.max-answer-tokens=100");
        assertThat(bind("max-answer-tokens=100", "chat.max-tokens=100")
                        .engineSettings()
                        .serving()
                        .maxAnswerTokens())
                .isEqualTo(100);
    }

    @Test
    void anEmptyScheduleIsDense() {
        assertThat(bind("pruning.schedule=").engineSettings().pruning())
                .isEqualTo(PruneSettings.of(PruneSchedule.dense(), 2048));
    }

    @Test
    void pruningCanBeTurnedOff() {
        for (SlimInferProperties properties :
                List.of(bind("pruning.enabled=false"), bind("pruning.enabled=false", "pruning.schedule=4:0.5"))) {
            assertThat(properties.engineSettings().pruning()).isEqualTo(PruneSettings.of(PruneSchedule.dense(), 2048));
        }
    }

    @Test
    void mapsEveryOption() throws ReflectiveOperationException {
        SlimInferProperties.Chat chat = bind(
                        "chat.temperature=0.7",
                        "chat.top-k=40",
                        "chat.top-p=0.9",
                        "chat.min-p=0.05",
                        "chat.repetition-penalty=1.1",
                        "chat.frequency-penalty=0.2",
                        "chat.presence-penalty=0.3",
                        "chat.seed=42",
                        "chat.max-tokens=100",
                        "chat.timeout=2m",
                        "chat.stop-sequences[0]=END",
                        "chat.thinking=discard",
                        "chat.response-format=json-object",
                        "chat.template-arguments.enable_thinking=false",
                        "chat.template-arguments.style=short",
                        "chat.include-prompt-blocks=true")
                .chat();

        SlimInferChatOptions options = chat.options();
        assertThat(options.getTemplateArguments()).isEqualTo(Map.of("enable_thinking", false, "style", "short"));
        for (RecordComponent component : SlimInferProperties.Chat.class.getRecordComponents()) {
            Object configured = component.getAccessor().invoke(chat);
            assertThat(configured).as(component.getName()).isNotNull();
            if (!component.getName().equals("templateArguments")) {
                String getter = "get" + component.getName().substring(0, 1).toUpperCase()
                        + component.getName().substring(1);
                assertThat(SlimInferChatOptions.class.getMethod(getter).invoke(options))
                        .as(getter)
                        .isEqualTo(configured);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "threads|-1|0 for all cores",
                "max-prompt-tokens|-1|0 for no limit",
                "kv-cache.memory|-1B|0B for a share",
                "kv-cache.swap-threshold|1.1|0.0 to 1.0",
                "kv-cache.swap-threshold|NaN|0.0 to 1.0",
                "prefix-cache.reuse|fast|use exact",
                "prefix-cache.memory|-1B|0B to serve dense prompts only",
                "batch-max|0|1 to 1024",
                "queue-capacity|0|1 or more",
                "queue-wait|-1s|0s for no limit",
                "prefill-slice|0ms|1ms or more",
                "max-answer-tokens|-1|0 for no limit",
                "prefill-tile|-1|0 for the backend's choice",
                "ttft-history|-1|0 for none",
                "ttft-history|10001|up to 10000",
                "cuda.device|-1|0 for the first GPU",
                "cuda.memory|-1B|0B for what is free on the GPU",
                "pruning.block|0|1..1024",
                "pruning.unit|65|1..64",
                "pruning.schedule|measured|not LAYER:BUDGET",
                "pruning.window|0|1..1024",
                "pruning.sink|-1|0 or more",
                "pruning.min-prompt-tokens|-1|0 or more",
                "pruning.schedule|4|not LAYER:BUDGET",
                "pruning.schedule|8:0.5,4:0.5|layers must rise",
                "pruning.schedule|4:1.5|at most 1",
                "pruning.schedule|4:p0.9|no mass with floor and ceiling",
                "pruning.schedule|4:p1.9:0.1-0.5|a pruning mass of 1.9",
                "pruning.schedule|4:0.5/p0.9:0.1-0.5|decode budget of layer 4",
            })
    void namesAnEnginePropertyThatIsNotAllowed(String name, String value, String allowed) {
        SlimInferProperties properties = bind(name + "=" + value);

        assertInvalid(properties::engineSettings, name, allowed);
    }

    @ParameterizedTest
    @CsvSource({
        "temperature,NaN",
        "temperature,-0.5",
        "top-k,-1",
        "top-p,0",
        "min-p,2",
        "repetition-penalty,0",
        "frequency-penalty,NaN",
        "presence-penalty,Infinity",
        "max-tokens,-1",
        "timeout,0s"
    })
    void namesAnOptionThatIsNotAllowed(String name, String value) {
        SlimInferProperties properties = bind("chat." + name + "=" + value);

        assertInvalid(properties.chat()::options, "chat." + name, "is not allowed");
    }

    @ParameterizedTest
    @CsvSource({"compute-type,int4", "weights,int4", "kv-cache.memory,much", "kv-cache.type,int4", "threads,two"})
    void namesAPropertyThatCannotBeRead(String name, String value) {
        assertThatExceptionOfType(BindException.class)
                .isThrownBy(() -> bind(name + "=" + value))
                .havingCause()
                .withMessageContaining(value);
    }

    private static void assertInvalid(ThrowingCallable mapping, String name, String reason) {
        assertThatExceptionOfType(InvalidConfigurationPropertyValueException.class)
                .isThrownBy(mapping)
                .withMessageContaining(reason)
                .satisfies(failure -> assertThat(failure.getName()).isEqualTo("slim-infer." + name));
    }

    private static SlimInferProperties bind(String... pairs) {
        Map<String, String> values = new HashMap<>();
        for (String pair : pairs) {
            String[] nameAndValue = pair.split("=", 2);
            values.put("slim-infer." + nameAndValue[0], nameAndValue[1]);
        }
        return new Binder(new MapConfigurationPropertySource(values))
                .bindOrCreate(SlimInferProperties.PREFIX, SlimInferProperties.class);
    }
}
