package io.sliminfer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTests {

    @Test
    void holdsBackWhatMayBecomeAStopString() {
        StopStrings stops = new StopStrings(List.of("END"));

        assertThat(stops.append("text E")).isEqualTo("text ");
        assertThat(stops.append("N")).isEmpty();
        assertThat(stops.append("OUGH E")).isEqualTo("ENOUGH ");
        assertThat(stops.append("ND more")).isEmpty();
        assertThat(stops.isStopped()).isTrue();
        assertThat(stops.append("ignored")).isEmpty();
        assertThat(stops.finish()).isEmpty();
    }

    @Test
    void givesTheRestAtTheEnd() {
        StopStrings stops = new StopStrings(List.of("END"));
        stops.append("almost EN");

        assertThat(stops.finish()).isEqualTo("EN");
        assertThat(stops.isStopped()).isFalse();
    }

    @Test
    void theEarliestStopStringCounts() {
        StopStrings stops = new StopStrings(List.of("c", "abcd"));

        assertThat(stops.append("xabc")).isEqualTo("x");
        assertThat(stops.append("d")).isEmpty();
        assertThat(stops.isStopped()).isTrue();
    }

    @Test
    void aShortStopStringCountsIfTheLongOneDoesNotCome() {
        StopStrings stops = new StopStrings(List.of("c", "abcd"));

        assertThat(stops.append("xabc")).isEqualTo("x");
        assertThat(stops.append("e")).isEqualTo("ab");
        assertThat(stops.isStopped()).isTrue();

        StopStrings atTheEnd = new StopStrings(List.of("c", "abcd"));
        assertThat(atTheEnd.append("xabc") + atTheEnd.finish()).isEqualTo("xab");
        assertThat(atTheEnd.isStopped()).isTrue();
    }

    @Test
    void withoutStopStringsAllTextPasses() {
        StopStrings stops = new StopStrings(List.of());

        assertThat(stops.append("abc") + stops.append("") + stops.finish()).isEqualTo("abc");
    }

    @Test
    void anEmptyStopStringIsRefused() {
        assertThatThrownBy(() -> new StopStrings(List.of("a", "")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("empty stop string");
    }

    @Test
    void cutsAnyStreamAsTheWholeTextWouldBeCut() {
        for (long seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            String text = word(random, 30);
            List<String> strings = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                strings.add(word(random, 4) + "a");
            }
            StopStrings stops = new StopStrings(strings);
            StringBuilder shown = new StringBuilder();
            for (int at = 0; at < text.length(); ) {
                int end = Math.min(text.length(), at + 1 + random.nextInt(5));
                shown.append(stops.append(text.substring(at, end)));
                at = end;
            }
            shown.append(stops.finish());

            int cut = strings.stream()
                    .mapToInt(text::indexOf)
                    .filter(at -> at >= 0)
                    .min()
                    .orElse(text.length());
            assertThat(shown.toString())
                    .as("seed %s, %s, %s", seed, text, strings)
                    .isEqualTo(text.substring(0, cut));
        }
    }

    private static String word(Random random, int max) {
        StringBuilder word = new StringBuilder();
        for (int i = random.nextInt(max); i > 0; i--) {
            word.append((char) ('a' + random.nextInt(2)));
        }
        return word.toString();
    }
}
