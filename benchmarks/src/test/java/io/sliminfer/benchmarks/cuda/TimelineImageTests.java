package io.sliminfer.benchmarks.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.benchmarks.cuda.Timeline.Bar;
import io.sliminfer.benchmarks.report.JsonLines;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class TimelineImageTests {

    private static final Timeline TIMELINE = new Timeline(
            "a < b & c",
            List.of(
                    new Bar("compute", "attend", 0, 50_000),
                    new Bar("compute", "linear 4x4", 50_000, 100_000),
                    new Bar("to host", "KV to host", 25_000, 75_000)));

    /** Those with a colour, in drawing order: x, y, width. */
    private static List<String> bars(String svg) throws Exception {
        Document document =
                DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
        List<String> bars = new ArrayList<>();
        NodeList rectangles = document.getElementsByTagName("rect");
        for (int i = 0; i < rectangles.getLength(); i++) {
            Element rectangle = (Element) rectangles.item(i);
            if (rectangle.getAttribute("height").equals("32")) {
                bars.add(rectangle.getAttribute("x") + " " + rectangle.getAttribute("y") + " "
                        + rectangle.getAttribute("width"));
            }
        }
        return bars;
    }

    @Test
    void drawsALaneForEachQueueComputeFirst() throws Exception {
        // 1110 pixels less margins of 90 and 20: 1000 for 100 ms.
        String svg = new TimelineImage(TIMELINE, 0, 100, 1110).svg();

        assertThat(bars(svg)).containsExactly("90.00 40 500.00", "590.00 40 500.00", "340.00 84 500.00");
        assertThat(svg)
                .contains("a &lt; b &amp; c", ">compute<", ">to host<", ">20 ms<")
                .doesNotContain(">to device<");
    }

    @Test
    void cutsBarsAtTheEdges() throws Exception {
        String svg = new TimelineImage(TIMELINE, 40, 60, 1110).svg();

        assertThat(bars(svg)).containsExactly("90.00 40 500.00", "590.00 40 500.00", "90.00 84 1000.00");
    }

    @Test
    void drawsNeighboursThatCannotBeToldApartAsOne() throws Exception {
        List<Bar> bars = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            bars.add(new Bar("compute", "attend", 100 * i, 100 * i + 99));
        }

        assertThat(bars(new TimelineImage(new Timeline("many", bars), 0, 100, 1110).svg()))
                .hasSize(1);
    }

    @Test
    void refusesAStretchWithNothingInIt() {
        assertThatThrownBy(() -> new TimelineImage(TIMELINE, 200, 300, 1110))
                .hasMessage("nothing ran between 200.0 and 300.0 ms of a < b & c");
    }

    @Test
    void readsWhatWasWritten(@TempDir Path folder) {
        Path file = folder.resolve("timeline.jsonl");
        try (JsonLines lines = JsonLines.appendTo(file)) {
            TIMELINE.write(lines);
        }

        assertThat(Timeline.read(file)).isEqualTo(TIMELINE);
    }

    @Test
    void refusesAFileOfAnotherKind(@TempDir Path folder) {
        Path file = folder.resolve("other.jsonl");
        try (JsonLines lines = JsonLines.appendTo(file)) {
            lines.write(java.util.Map.of("type", "run"));
        }

        assertThatThrownBy(() -> Timeline.read(file))
                .hasMessageContaining("does not start with a line of type timeline");
    }
}
