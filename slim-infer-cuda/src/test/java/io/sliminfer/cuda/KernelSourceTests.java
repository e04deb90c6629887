package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KernelSourceTests {

    private static final String FILE = "runtime_tests.cu";

    private static String name(KernelSource source) {
        return source.cacheName("13.0");
    }

    @Test
    void carriesTextHeaderAndOptions() {
        KernelSource source = KernelSource.of(FILE, Map.of("DTYPE", 2), "90a");
        assertThat(source.text()).contains("scale_add");
        assertThat(source.common()).contains("warp_sum");
        assertThat(source.options()).containsExactly("--gpu-architecture=sm_90a", "--std=c++17", "-DDTYPE=2");
    }

    @Test
    void theOrderOfDefinesDoesNotCount() {
        Map<String, Integer> one = new LinkedHashMap<>();
        one.put("HEAD_DIM", 128);
        one.put("DTYPE", 2);
        Map<String, Integer> other = new LinkedHashMap<>();
        other.put("DTYPE", 2);
        other.put("HEAD_DIM", 128);
        assertThat(name(KernelSource.of(FILE, one, "90a"))).isEqualTo(name(KernelSource.of(FILE, other, "90a")));
    }

    @Test
    void whateverChangesTheCodeChangesTheName() {
        KernelSource source = new KernelSource("a.cu", "text", "common", List.of("x", "y"));
        assertThat(Set.of(
                        name(source),
                        source.cacheName("13.1"),
                        name(new KernelSource("a.cu", "text ", "common", List.of("x", "y"))),
                        name(new KernelSource("a.cu", "text", "common ", List.of("x", "y"))),
                        name(new KernelSource("a.cu", "textc", "ommon", List.of("x", "y"))),
                        name(new KernelSource("a.cu", "text", "common", List.of("xy"))),
                        name(new KernelSource("a.cu", "text", "common", List.of("x", "z"))),
                        name(new KernelSource("a.cu", "text", "common", List.of("x")))))
                .hasSize(8);
    }

    @Test
    void namesAFileThatIsNotThere() {
        assertThatThrownBy(() -> KernelSource.of("attention.cu", Map.of(), "90a"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("attention.cu");
    }
}
