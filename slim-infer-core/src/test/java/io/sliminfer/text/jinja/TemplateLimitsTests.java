package io.sliminfer.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A hostile template fails with a message, soon, and without taking the JVM's memory. */
@Timeout(30)
class TemplateLimitsTests {

    private static String render(String template, Map<String, ?> data) {
        return Template.parse(template)
                .render(Map.of(), data, ZonedDateTime::now)
                .chars();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
                "{{ 'x' * 10000000000 }}",
                "{{ [0] * 10000000000 }}",
                "{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s=['x']) %}{% for i in range(1000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s = ns.s | replace('x', 'xx') %}{% endfor %}",
                "{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
                "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}"
                        + "{% endfor %}{{ ns.s == ns.t }}",
                "{% set ns = namespace(s=(1,)) %}{% for i in range(90) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} }}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(9000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
                "{% set x = 'a' * 8000000 %}{% for i in range(100000) %}{{ 'b' in x }}{% endfor %}",
                "{% set x = 'a' * 4000000 %}{{ x.find('a' * 1000000 ~ 'b') }}",
                "{% set x = 'a' * 8000000 %}{% for i in range(100000) %}{{ x | length }}{% endfor %}",
                "{% set x = '1' * 4000000 ~ 'x' %}{% for i in range(100) %}{{ x | float }}{{ x | int }}{% endfor %}",
                "{{ 'a' * 8000000 | list | length }}{{ ('a' * 8000000) | list | length }}",
                "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
                "{{ range(1000000) }}",
                "{{ range(-9223372036854775807, 9223372036854775807) }}",
                "{{ 9223372036854775807 + 1 }}",
                "{{ 10 ** 100 }}",
                "{{ 'x'.center(10000000000) }}",
                "{{ 'a\\n' * 4000000 | indent(900) }}{{ ('a\\n' * 1000000) | indent(900) }}",
                "{{ ('a,' * 20000000).split(',') | length }}{{ ('a,' * 20000000).split(',') | length }}"
            })
    void workMemoryAndDepthAreLimited(String template) {
        assertThatThrownBy(() -> render(template, Map.of())).isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[", "{'a':", "not ", "-", "x[", "x(", "1 if "})
    void deepNestingIsRefusedWithoutOverflowingTheStack(String opening) {
        assertThatThrownBy(() -> Template.parse("{{ " + opening.repeat(100_000)))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void deepTagsAreRefused() {
        assertThatThrownBy(() -> Template.parse("{% if x %}".repeat(100_000) + "{% endif %}".repeat(100_000)))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("nested deeper than 100");
    }

    @Test
    void longChainsDoNotOverflowTheStackUnseen() {
        String chain = "{{ 1" + " + 1".repeat(200_000) + " }}";

        assertThatThrownBy(() -> render(chain, Map.of()))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("nested too deeply");
    }

    @Test
    void dataThatContainsItselfIsRefused() {
        List<Object> loop = new ArrayList<>();
        loop.add(loop);

        assertThatThrownBy(() -> render("{{ x }}", Map.of("x", loop)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'x' is nested deeper than 100");
    }

    @Test
    void dataOfAnotherTypeIsRefused() {
        assertThatThrownBy(() -> render("{{ x }}", Map.of("x", new Object())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'x' holds a java.lang.Object: use strings");
    }

    @Test
    void longConversationsFit() {
        List<Map<String, Object>> messages = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            messages.add(Map.of("role", i % 2 == 0 ? "user" : "assistant", "content", "word ".repeat(400)));
        }
        String template =
                "{% for m in messages[::-1] %}{% if m.role == 'user' %}{% set x = m.content | trim %}{% endif %}{% endfor %}"
                        + "{% for m in messages %}{% set content = m.content.split('</think>')[-1] | trim %}"
                        + "{{ '<' + m.role + '>' + content + '</s>' }}{% if not loop.last and messages[loop.index0 + 1].role != 'tool' %}\n"
                        + "{% endif %}{% endfor %}";

        assertThat(render(template, Map.of("messages", messages))).hasSizeGreaterThan(4_000_000);
    }

    @Test
    void javaIsOutOfReach() {
        for (String attempt : List.of(
                "{{ x.class }}",
                "{{ x.getClass() }}",
                "{{ ''.__class__ }}",
                "{{ x['class'] }}",
                "{{ m.getClass }}",
                "{{ ''.bytes }}",
                "{{ range.__globals__ }}",
                "{{ raise_exception.class }}")) {
            try {
                assertThat(render(attempt, Map.of("x", "text", "m", Map.of())))
                        .as(attempt)
                        .isEmpty();
            } catch (TemplateException e) {
                assertThat(e).as(attempt).hasMessageContaining("has no element");
            }
        }
    }

    @Test
    void errorsNameTheLine() {
        assertThatThrownBy(() -> render("one\ntwo\n{% if true %}\n{{ missing.x }}{% endif %}", Map.of()))
                .isInstanceOf(TemplateException.class)
                .hasMessage("line 4: 'missing' is undefined");
        assertThatThrownBy(() -> Template.parse("a\n{{ 'x' | }}")).hasMessage("line 2: expected a name, found '}}'");
        assertThatThrownBy(() -> Template.parse("a\n\n{% for x in y %}"))
                .hasMessageContaining("line 3")
                .hasMessageContaining("{% endfor %} is missing");
        assertThatThrownBy(() -> render("{{ 'x' | frobnicate }}", Map.of()))
                .hasMessage("line 1: there is no filter named 'frobnicate'");
    }
}
