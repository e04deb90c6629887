package io.sliminfer.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class ReportTests {

    @TempDir
    Path folder;

    @Test
    void appendsLinesThatCanBeReadAgain() {
        Path file = folder.resolve("new/results.jsonl");
        try (JsonLines lines = JsonLines.appendTo(file)) {
            lines.write(Map.of("type", "run", "commit", "abc"));
        }
        try (JsonLines lines = JsonLines.appendTo(file)) {
            lines.write(Map.of("type", "sample", "seconds", 0.25));
        }

        List<JsonNode> read = JsonLines.read(file);

        assertThat(read).hasSize(2);
        assertThat(read.get(0).path("commit").asString()).isEqualTo("abc");
        assertThat(read.get(1).path("seconds").asDouble()).isEqualTo(0.25);
    }

    @Test
    void namesFileAndLineOfWhatIsNoResult() throws Exception {
        Path file = Files.writeString(folder.resolve("broken.jsonl"), "{\"type\":\"run\"}\n\n{\"type\":");

        assertThatThrownBy(() -> JsonLines.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("broken.jsonl line 3");
    }

    @Test
    void refusesALineWithoutType() throws Exception {
        Path file = Files.writeString(folder.resolve("other.jsonl"), "{\"seconds\":1}\n");

        assertThatThrownBy(() -> JsonLines.read(file)).hasMessageContaining("\"type\"");
    }

    @Test
    void rendersAnAlignedTable() {
        MarkdownTable table = new MarkdownTable("Mode", "TTFT s");
        table.row("dense", "12.5");
        table.row("a|b", "1");

        assertThat(table.render())
                .isEqualTo(
                        """
                        | Mode  | TTFT s |
                        |:------|-------:|
                        | dense |   12.5 |
                        | a\\|b  |      1 |
                        """);
    }

    @Test
    void refusesARowOfTheWrongLength() {
        MarkdownTable table = new MarkdownTable("a", "b");

        assertThatThrownBy(() -> table.row("1")).hasMessageContaining("1 cells in a table of 2 columns");
    }

    @Test
    void sharesSayTheirExtremesWhereTheyDiffer() {
        Shares same = Shares.of(List.of(0.25, 0.2501));
        Shares spread = Shares.of(List.of(0.2, 0.4, 0.6));

        assertThat(same.text()).isEqualTo("25 %");
        assertThat(spread.text()).isEqualTo("40 % (20-60)");
        assertThat(spread.deviation()).isEqualTo(Math.sqrt(0.08 / 3), within(1e-12));
        assertThatIllegalArgumentException().isThrownBy(() -> Shares.of(List.of()));
    }

    @Test
    void takesTheMiddleOfTheSamples() {
        assertThat(Spread.of(List.of(3.0, 1.0, 2.0))).isEqualTo(new Spread(2, 1, 3, 3));
        assertThat(Spread.of(List.of(4.0, 1.0)).median()).isEqualTo(2.5);
        assertThat(Spread.rounded(1.23456789)).isEqualTo(1.23457);
    }

    @Test
    void readsMemoryFromTheKernelsText() {
        ProcessMemory memory =
                ProcessMemory.parse("Name:\tjava\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\nRssAnon:\t 3 kB\n");

        assertThat(memory.peakResidentBytes()).hasValue(2048 * 1024);
        assertThat(memory.anonymousBytes()).hasValue(3 * 1024);
        assertThat(ProcessMemory.orNotAvailable(ProcessMemory.parse("").anonymousBytes()))
                .isEqualTo("not available");
    }

    @Test
    void headsARunWithVersionCommitAndMachine() {
        Map<String, Object> header = RunHeader.of(List.of("speed", "--model", "synthetic:1b"));

        assertThat(header).containsEntry("type", "run").containsEntry("command", "speed --model synthetic:1b");
        assertThat(header.get("version").toString()).matches("[0-9]+\\.[0-9]+.*");
        assertThat(header.get("commit").toString()).matches("unknown|[0-9a-f]{40}(-modified)?");
        assertThat(Machine.current().cores()).isPositive();
        assertThat(Machine.current().cpu()).isNotBlank();
    }
}
