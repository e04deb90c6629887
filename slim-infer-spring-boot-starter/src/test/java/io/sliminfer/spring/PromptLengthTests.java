package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptLengthTests {

    @ParameterizedTest
    @CsvSource({
        "1,<1k",
        "1023,<1k",
        "1024,1k-4k",
        "4095,1k-4k",
        "4096,4k-16k",
        "16384,16k-64k",
        "65535,16k-64k",
        "65536,>64k",
        "2147483647,>64k"
    })
    void everyPromptHasOneLength(int tokens, String label) {
        assertThat(PromptLength.of(tokens).label()).isEqualTo(label);
    }
}
