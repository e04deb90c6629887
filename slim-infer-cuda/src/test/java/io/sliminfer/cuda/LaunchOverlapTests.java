package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LaunchOverlapTests {

    private static final Path KERNELS = Path.of("src/main/resources/io/sliminfer/cuda/kernels");
    private static final Pattern ENTRY = Pattern.compile(
            "(?:extern \"C\" __global__ void(?: __launch_bounds__\\([^)]*\\))?|PRODUCT)\\s+(\\w+)\\([^{]*\\{");
    private static final String WAIT = "wait_for_kernel_ahead();";

    @AfterEach
    void clear() {
        System.clearProperty(LaunchOverlap.PROPERTY);
    }

    /** Kernel bodies by entry point. */
    private static Map<String, String> bodies() throws IOException {
        Map<String, String> bodies = new HashMap<>();
        List<Path> files;
        try (Stream<Path> all = Files.list(KERNELS)) {
            files = all.filter(file -> file.toString().endsWith(".cu")).toList();
        }
        for (Path file : files) {
            String text = Files.readString(file);
            Matcher entry = ENTRY.matcher(text);
            while (entry.find()) {
                bodies.put(entry.group(1), text.substring(entry.end(), text.indexOf("\n}", entry.end())));
            }
        }
        return bodies;
    }

    @Test
    void exactlyTheKernelsThatWaitMayOverlap() throws IOException {
        Set<String> waiting = new TreeSet<>();
        bodies().forEach((entry, body) -> {
            // gemv.cu and packed.cu wait in what all its entry points call.
            if (body.contains(WAIT) || body.contains("products<")) {
                waiting.add(entry);
            }
        });
        assertThat(waiting).containsExactlyInAnyOrderElementsOf(LaunchOverlap.KERNELS);
    }

    @Test
    void noKernelReturnsBeforeItWaits() throws IOException {
        bodies().forEach((entry, body) -> {
            if (body.contains(WAIT)) {
                assertThat(body.substring(0, body.indexOf(WAIT))).as(entry).doesNotContain("return");
            }
        });
        for (String[] way : new String[][] {
            {"gemv.cu", "products_aligned"},
            {"gemv.cu", "products_plain"},
            {"packed.cu", "products_tensor"},
            {"packed.cu", "products_one"},
            {"packed.cu", "products_plain"}
        }) {
            String source = Files.readString(KERNELS.resolve(way[0]));
            int start = source.indexOf("__device__ __forceinline__ void " + way[1]);
            String body = source.substring(start, source.indexOf("\n}", start));
            assertThat(body).as(way[1]).contains(WAIT);
            assertThat(body.substring(0, body.indexOf(WAIT))).as(way[1]).doesNotContain("return");
        }
    }

    @Test
    void isForHopperAndLaterAndCanBeSwitchedOff() {
        assertThat(LaunchOverlap.enabled(90)).isTrue();
        assertThat(LaunchOverlap.enabled(120)).isTrue();
        assertThat(LaunchOverlap.enabled(89)).isFalse();
        System.setProperty(LaunchOverlap.PROPERTY, "false");
        assertThat(LaunchOverlap.enabled(90)).isFalse();
    }

    @Test
    void refusesOtherValuesOfTheProperty() {
        System.setProperty(LaunchOverlap.PROPERTY, "off");
        assertThatThrownBy(() -> LaunchOverlap.enabled(90))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("slim-infer.cuda.launch-overlap=off")
                .hasMessageContaining("true or false");
    }
}
