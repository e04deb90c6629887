package io.sliminfer.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.net.URL;
import java.util.Collections;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What editors show of the properties. */
class ConfigurationMetadataTests {

    private static final Map<String, JsonNode> PROPERTIES = new HashMap<>();
    private static final Map<String, JsonNode> HINTS = new HashMap<>();

    @BeforeAll
    static void read() throws IOException {
        ClassLoader loader = ConfigurationMetadataTests.class.getClassLoader();
        for (URL url : Collections.list(loader.getResources("META-INF/spring-configuration-metadata.json"))) {
            try (InputStream in = url.openStream()) {
                JsonNode metadata = JsonMapper.shared().readTree(in);
                if (metadata.findValuesAsString("name").contains("slim-infer.model")) {
                    metadata.get("properties")
                            .forEach(property ->
                                    PROPERTIES.put(property.get("name").asString(), property));
                    metadata.get("hints")
                            .forEach(hint -> HINTS.put(hint.get("name").asString(), hint));
                }
            }
        }
    }

    @Test
    void everyPropertyIsListedAndDescribed() {
        Set<String> expected = new TreeSet<>();
        collect(SlimInferProperties.class, SlimInferProperties.PREFIX, expected);
        // What Boot's processor adds for an endpoint.
        expected.add("management.endpoint.sliminfer.access");
        expected.add("management.endpoint.sliminfer.cache.time-to-live");

        assertThat(new TreeSet<>(PROPERTIES.keySet())).isEqualTo(expected).hasSizeGreaterThan(25);
        assertThat(PROPERTIES.values())
                .allSatisfy(property -> assertThat(property.path("description").asString(""))
                        .as(property.get("name").asString())
                        .endsWith("."));
    }

    private static void collect(Class<?> type, String prefix, Set<String> names) {
        for (RecordComponent component : type.getRecordComponents()) {
            String name = prefix + "."
                    + component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
            if (component.getType().isRecord()) {
                collect(component.getType(), name, names);
            } else {
                names.add(name);
            }
        }
    }

    @Test
    void defaultsAreShown() {
        assertThat(PROPERTIES.get("slim-infer.batch-max").get("defaultValue").asInt())
                .isEqualTo(16);
        assertThat(PROPERTIES
                        .get("slim-infer.pruning.enabled")
                        .get("defaultValue")
                        .asBoolean())
                .isTrue();
        assertThat(PROPERTIES
                        .get("slim-infer.kv-cache.swap-threshold")
                        .get("defaultValue")
                        .asDouble())
                .isEqualTo(0.9);
        assertThat(PROPERTIES.get("slim-infer.backend").get("defaultValue").asString())
                .isEqualTo("auto");
    }

    @Test
    void valuesAreProposed() {
        assertThat(HINTS).containsKeys("slim-infer.backend", "slim-infer.model", "spring.ai.model.chat");
        assertThat(HINTS.get("slim-infer.backend").get("values").findValuesAsString("value"))
                .containsExactly("auto", "cuda", "cpu", "java");
    }
}
