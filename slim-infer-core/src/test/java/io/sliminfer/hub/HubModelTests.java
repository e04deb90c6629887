package io.sliminfer.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubModelTests {

    @Test
    void readsNameAndRevision() {
        assertThat(HubModel.parse("Qwen/Qwen3-0.6B")).isEqualTo(new HubModel("Qwen", "Qwen3-0.6B", "main"));
        assertThat(HubModel.parse("a/b@v1.0")).isEqualTo(new HubModel("a", "b", "v1.0"));
        assertThat(HubModel.parse("a/b@refs/pr/1").revision()).isEqualTo("refs/pr/1");
        assertThat(HubModel.parse("a/b@v1")).hasToString("a/b@v1");
        assertThat(HubModel.parse("a/b/Q8/x-00001-of-00002.gguf@v1"))
                .isEqualTo(new HubModel("a", "b", "v1", "Q8/x-00001-of-00002.gguf"))
                .hasToString("a/b/Q8/x-00001-of-00002.gguf@v1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "name",
                "a/b/c",
                "a/b/../x.gguf",
                "a/b//x.gguf",
                "a/b/x.gguf/y",
                "a/b/.gguf",
                "../b",
                "a/..",
                "a/b--c",
                "a/b..c",
                "/b",
                "a/",
                "a/b c",
                "a/.b",
                "a/b.git",
                "a\\b/c"
            })
    void refusesOtherNames(String text) {
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> HubModel.parse(text))
                .withMessageStartingWith(
                        "'" + text
                                + "' is not the name of a model on the hub. Use hf:OWNER/NAME, hf:OWNER/NAME@REVISION or hf:OWNER/NAME/FILE.gguf");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "..", "../x", "a/../b", "/a", "a/", "a//b", "a b", "a:b", "a\\b", "a\nb", "x/."})
    void refusesOtherRevisions(String revision) {
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> HubModel.parse("a/b@" + revision))
                .withMessageStartingWith("'" + revision + "' is not a revision. Use hf:OWNER/NAME");
    }
}
