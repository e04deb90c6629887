package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class AnswerPrinterTests {

    @Test
    void printsTheAnswerThenWhatItCost() {
        AnswerReport report = Objects.requireNonNull(AnswerReport.of(StubChatModel.finished("")));
        List<Source> sources = List.of(
                new Source("a.md", "one", 0.9), new Source("b.pdf", "two", 0.8), new Source("a.md", "three", 0.7));
        ByteArrayOutputStream printed = new ByteArrayOutputStream();

        new AnswerPrinter(new PrintStream(printed, true, StandardCharsets.UTF_8))
                .print(new Answer("Halden Works.", sources, report));

        assertThat(printed.toString(StandardCharsets.UTF_8).lines())
                .containsExactly(
                        "Halden Works.",
                        "",
                        "time to first token   1,203 ms (3 ms of it in the queue)",
                        "prompt                8,192 tokens",
                        "answer                17 tokens, 10.0 ms each, STOP",
                        "pruned                35 % of the prompt's work by token and layer, 41 % of the FLOPs",
                        "layers 0-4            8,192 tokens in 128 blocks",
                        "layers 5-8            4,096 tokens in 64 blocks",
                        "layers 9-11           2,048 tokens in 32 blocks",
                        "sources               a.md (2), b.pdf (1)");
    }
}
