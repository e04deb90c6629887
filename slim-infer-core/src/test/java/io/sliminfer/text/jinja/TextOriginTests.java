package io.sliminfer.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a template does with data never makes it the template author's own text. */
class TextOriginTests {

    private static final Map<String, Object> DATA = Map.of(
            "x", "DATA",
            "list", List.of("DATA", "DATA"),
            "map", Map.of("DATA", "DATA"),
            "message", Map.of("role", "DATA", "content", " DATA\nDATA ", "n", 4455));

    private static Text render(String template) {
        return Template.parse(template).render(Map.of("eos_token", "</s>"), DATA, ZonedDateTime::now);
    }

    /** The text with untrusted characters replaced by dots. */
    private static String trustedPart(Text text) {
        StringBuilder shown = new StringBuilder(".".repeat(text.length()));
        int[] runs = text.trustedRuns();
        for (int i = 0; i < runs.length; i += 2) {
            shown.replace(runs[i], runs[i + 1], text.chars().substring(runs[i], runs[i + 1]));
        }
        return shown.toString();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ x }}",
                "<{{ x }}>",
                "{{ '<' + x + '>' }}",
                "{{ '<' ~ x ~ '>' ~ eos_token }}",
                "{{ x | upper }}{{ x | lower | upper }}{{ x | title | upper }}{{ x | capitalize | upper }}",
                "{{ x.swapcase().swapcase() }}{{ x.title().upper() }}",
                "{{ x[0] }}{{ x[1:] }}{{ x[::-1] }}{{ x[-1] }}",
                "{{ x | replace('A', 'aa') }}{{ x.replace('D', x) }}{{ x | replace('', x) }}",
                "{{ 'xDATAx'.split('DATA') | join(x) }}",
                "{{ list | join(', ') }}{{ ', '.join(list) }}{{ list | join(x) }}",
                "{{ ('a' ~ x ~ 'b').split('b')[0] }}{{ ('a' ~ x).split('a') | last }}",
                "{{ message.content | trim }}{{ message.content.strip() }}{{ message.content.splitlines()[1] }}",
                "{{ message | tojson }}{{ list | tojson(indent=2) }}{{ x | tojson(ensure_ascii=true) }}",
                "{{ list }}{{ map }}{{ [x] | string }}",
                "{{ '%s|%5s' | format(x, x) }}{{ '%s' % x }}{{ '{}{a}'.format(x, a=x) }}",
                "{{ x | indent(2) }}{{ x | e }}{{ x | safe }}{{ x | center(9) }}{{ x.ljust(6) }}{{ x | truncate(3, true, '', 0) }}",
                "{{ x | list | join }}{{ x | reverse }}{{ x | first }}{{ x | last }}",
                "{% for c in x %}{{ c }}{% endfor %}{% for k, v in map.items() %}{{ k }}{{ v }}{% endfor %}",
                "{% for k in map %}{{ k }}{{ map[k] }}{% endfor %}{{ map | dictsort }}{{ map | items | first | first }}",
                "{% set y %}<{{ x }}>{% endset %}{{ y | upper }}",
                "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m(x) | upper }}",
                "{% filter upper %}{{ x }}{% endfilter %}",
                "{% set ns = namespace(s='') %}{% for i in list %}{% set ns.s = ns.s + i %}{% endfor %}{{ ns.s }}",
                "{{ x * 3 }}{{ (x ~ '-') * 2 }}",
                "{{ list | sort | first }}{{ list | unique | join }}{{ list | map('upper') | join }}{{ list | max }}",
                "{{ x or 'z' }}{{ x if x else 'z' }}{{ missing | default(x) }}{{ none or x }}",
                "{{ x.partition('A') | join }}{{ x.removeprefix('D') }}{{ x.rsplit('T', 1) | join('-') }}",
                "{{ dict(a=x).a }}{{ {x: x} | first }}{{ namespace(a=x).a }}",
                "{{ list | groupby(0) | first | first }}{{ list | batch(1) | list }}"
            })
    void dataIsNeverTrusted(String template) {
        Text text = render(template);

        assertThat(text.chars()).containsAnyOf("DATA", "ATAD", "D");
        assertThat(trustedPart(text)).doesNotContainPattern("[DAT]");
    }

    @Test
    void theTemplatesTextIsTrusted() {
        assertThat(trustedPart(render("<|a|>{{ x }}{{ '<|b|>' }}{{ x | upper }}{{ eos_token }}")))
                .isEqualTo("<|a|>....<|b|>....</s>");
        assertThat(trustedPart(render("{{ ('<|' ~ x ~ '|>') | lower | replace('|', '!') }}")))
                .isEqualTo("<!....!>");
        assertThat(trustedPart(render("{{ list | join('<|sep|>') }}"))).isEqualTo("....<|sep|>....");
        assertThat(trustedPart(render("{{ (' a' ~ x ~ 'b ') | trim }}{{ ('a' ~ x)[1:] }}{{ ('a' ~ x)[:2] }}")))
                .isEqualTo("a....b....a.");
        assertThat(trustedPart(render("{{ '<s>' * 2 }}{{ 'q' | replace('q', '<s>') }}")))
                .isEqualTo("<s><s><s>");
    }

    @Test
    void numbersAndQuotesAreNotTrusted() {
        assertThat(trustedPart(
                        render("<{{ message.n }}>{{ ['a'] }}{{ {'k': 1} | tojson }}{{ loop_index | default(3) }}")))
                .isEqualTo("<....>..a....k......");
    }

    @Test
    void aTokenThatDataCompletesIsNotTrustedAsAWhole() {
        Text text = Template.parse("<|{{ role }}|>").render(Map.of(), Map.of("role", "eot_id"), ZonedDateTime::now);

        assertThat(text.chars()).isEqualTo("<|eot_id|>");
        assertThat(text.trustedRuns()).containsExactly(0, 2, 8, 10);
    }

    @Test
    void caseMappingThatChangesLengthKeepsOrigins() {
        Text text = Template.parse("{{ ('ß<' ~ x ~ '>ß') | upper }}")
                .render(Map.of(), Map.of("x", "ßß"), ZonedDateTime::now);

        assertThat(text.chars()).isEqualTo("SS<SSSS>SS");
        assertThat(trustedPart(text)).isEqualTo("SS<....>SS");
    }
}
