package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.benchmarks.quality.heatmap.Heatmap;
import io.sliminfer.benchmarks.report.JsonLines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecordedHeatmapsTests {

    private static final String RUN = "{\"type\":\"run\",\"benchmark\":\"heatmap\",\"model\":\"tiny\"}\n";

    private static final String CASE = "{\"type\":\"case\",\"task\":\"vt\"}\n";

    @TempDir
    Path folder;

    private Path file(String text) throws IOException {
        return Files.writeString(folder.resolve("heatmap.jsonl"), text);
    }

    private static String cell(String variant, double depth, int length, double score) {
        return "{\"type\":\"cell\",\"variant\":\"%s\",\"depth\":%s,\"length\":%d,\"cases\":1,\"score\":%s}%n"
                .formatted(variant, depth, length, score);
    }

    @Test
    void readsWhatItWrote() throws IOException {
        double[][] scores = {{1, 0.5, 0}, {0, 0.25, 1}};
        List<Double> depths = List.of(0.0, 100.0);
        List<Integer> lengths = List.of(64, 128, 256);
        RecordedHeatmaps written = new RecordedHeatmaps(
                "vt, question before, m",
                List.of(
                        new Heatmap("dense", depths, lengths, scores),
                        new Heatmap("4:0.5", depths, lengths, new double[2][3])));

        RecordedHeatmaps read = RecordedHeatmaps.read(
                file(RUN + written.lines(3).stream().map(JsonLines::text).collect(Collectors.joining("\n"))));

        assertThat(read.title()).isEqualTo("vt, question before, m");
        assertThat(read.maps()).extracting(Heatmap::title).containsExactly("dense", "4:0.5");
        assertThat(read.maps().get(0).depths()).isEqualTo(depths);
        assertThat(read.maps().get(0).lengths()).isEqualTo(lengths);
        assertThat(read.maps().get(0).scores()).isDeepEqualTo(scores);
        assertThat(read.maps().get(1).scores()).isDeepEqualTo(new double[2][3]);
    }

    @Test
    void takesTheLastRunAndLeavesWhatItDidNotAskEmpty() throws IOException {
        RecordedHeatmaps read = RecordedHeatmaps.read(file(RUN
                + cell("dense", 0, 512, 0)
                + RUN
                + CASE
                + cell("dense", 0, 64, 1)
                + cell("dense", 100, 64, 0.5)
                + cell("4:0.5", 100, 64, 1)));

        assertThat(read.title()).as("cells without a title").isEqualTo("vt, tiny");
        assertThat(read.maps().get(0).lengths()).containsExactly(64);
        assertThat(read.maps().get(0).scores()).isDeepEqualTo(new double[][] {{1}, {0.5}});
        assertThat(read.maps().get(1).scores()[0]).as("not asked").containsExactly(Double.NaN);
        assertThat(read.maps().get(1).scores()[1]).containsExactly(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"type\":\"run\",\"benchmark\":\"quality\",\"model\":\"m\"} | line 1: benchmark is quality; a run of quality heatmap is expected",
                "{\"type\":\"run\",\"benchmark\":\"heatmap\",\"model\":\"m\"} | its last run has no lines of type cell",
                "{\"type\":\"cell\",\"variant\":\"d\",\"depth\":101,\"length\":1,\"score\":1} | line 1: depth must be a number from 0 to 100",
                "{\"type\":\"cell\",\"variant\":\"d\",\"depth\":1,\"length\":1,\"score\":\"1\"} | line 1: score must be a number from 0 to 1",
                "{\"type\":\"cell\",\"variant\":\"d\",\"depth\":1,\"score\":1} | line 1: length is missing",
                "{\"depth\":1} | line 1: type is missing"
            })
    void refusesWhatIsNoHeatMap(String line, String message) throws IOException {
        Path file = file(line);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> RecordedHeatmaps.read(file))
                .withMessageContaining("heatmap.jsonl")
                .withMessageContaining(message);
    }
}
