package io.sliminfer.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Small templates against Python's Jinja2: {@code jinja/cases.json}, written by {@code jinja/make_cases.py}. */
class JinjaCasesTests {

    private static final ZonedDateTime DATE = ZonedDateTime.of(2026, 7, 26, 0, 0, 0, 0, ZoneOffset.UTC);

    record Case(String template, Map<String, Object> variables, JsonNode expected) {
        @Override
        public String toString() {
            return template;
        }
    }

    @SuppressWarnings("unchecked")
    static Stream<Case> cases() throws IOException {
        JsonMapper json = new JsonMapper();
        try (InputStream file =
                Objects.requireNonNull(JinjaCasesTests.class.getResourceAsStream("/jinja/cases.json"))) {
            JsonNode root = json.readTree(file);
            Map<String, Object> variables = json.convertValue(root.path("variables"), Map.class);
            List<Case> cases = new ArrayList<>();
            root.path("cases")
                    .forEach(node -> cases.add(new Case(node.path("template").asString(), variables, node)));
            return cases.stream();
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithJinja(Case given) {
        if (given.expected.has("error")) {
            assertThatThrownBy(() -> render(given))
                    .as(given.expected.path("error").asString())
                    .isInstanceOf(TemplateException.class);
        } else {
            assertThat(render(given)).isEqualTo(given.expected.path("text").asString());
        }
    }

    private static String render(Case given) {
        return Template.parse(given.template)
                .render(Map.of(), given.variables, () -> DATE)
                .chars();
    }
}
