package io.sliminfer.benchmarks.quality.heatmap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HeatmapImageTests {

    private static final int DARK = 0xff440154;
    private static final int BRIGHT = 0xfffde725;

    private static Heatmap map(double... column) {
        double[][] scores = new double[column.length][];
        List<Double> depths = new ArrayList<>();
        for (int i = 0; i < column.length; i++) {
            scores[i] = new double[] {column[i]};
            depths.add(100.0 * i / (column.length - 1));
        }
        return new Heatmap("dense", depths, List.of(1024), scores);
    }

    @Test
    void drawsEachCellInTheColourOfItsScore(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("map.png");

        HeatmapImage.write(HeatmapImage.draw("needle", List.of(map(1, 0, Double.NaN))), file);

        BufferedImage image = ImageIO.read(file.toFile());
        // Cells of 56 by 14 from (64, 56) on.
        assertThat(image.getRGB(64 + 20, 56 + 7)).isEqualTo(BRIGHT);
        assertThat(image.getRGB(64 + 20, 56 + 14 + 7)).isEqualTo(DARK);
        assertThat(image.getRGB(64 + 20, 56 + 28 + 7)).isEqualTo(0xffd0d0d0);
    }

    @Test
    void writesDepthsAndLengthsBesideTheCells() {
        BufferedImage image = HeatmapImage.draw("needle", List.of(map(1, 1, 1), map(0, 0, 0)));

        assertThat(inked(image, 0, 56, 60, 56 + 14))
                .as("depth of the first row")
                .isTrue();
        assertThat(inked(image, 64, 56 + 3 * 14, 64 + 56, 56 + 3 * 14 + 18))
                .as("length")
                .isTrue();
        assertThat(inked(image, 0, 0, 100, 24)).as("title").isTrue();
        assertThat(image.getRGB(64 + 56 + 28 + 20, 56 + 7)).as("second map").isEqualTo(DARK);
    }

    private static boolean inked(BufferedImage image, int left, int top, int right, int bottom) {
        for (int y = top; y < bottom; y++) {
            for (int x = left; x < right; x++) {
                // Smoothed letters are seldom quite black.
                if ((image.getRGB(x, y) & 0xff) < 0x60) {
                    return true;
                }
            }
        }
        return false;
    }

    @Test
    void writesOnThisMachine() {
        assertThatCode(HeatmapImage::requireFonts).doesNotThrowAnyException();
    }

    /** What a JVM throws on machines without libharfbuzz, again there, without fontconfig, and without any font. */
    static Stream<Throwable> failuresWithoutFonts() {
        return Stream.of(
                new UnsatisfiedLinkError("libharfbuzz.so.0: cannot open shared object file"),
                new NoClassDefFoundError("Could not initialize class sun.font.SunFontManager"),
                new InternalError("java.lang.reflect.InvocationTargetException"),
                new RuntimeException("Fontconfig head is null, check your fonts or fonts configuration"));
    }

    @ParameterizedTest
    @MethodSource("failuresWithoutFonts")
    void saysWhatToInstallWhereThereAreNoFonts(Throwable failure) {
        assertThatIllegalStateException()
                .isThrownBy(() -> HeatmapImage.requireFonts(() -> {
                    if (failure instanceof Error error) {
                        throw error;
                    }
                    throw (RuntimeException) failure;
                }))
                .withMessageContainingAll(failure.getMessage(), "fontconfig", "DejaVu", "libharfbuzz");
    }

    @Test
    void coloursGetBrighterWithTheScore() {
        double before = -1;
        for (int i = 0; i <= 20; i++) {
            Color colour = ColourScale.of(i / 20.0);
            double brightness = 0.299 * colour.getRed() + 0.587 * colour.getGreen() + 0.114 * colour.getBlue();
            assertThat(brightness).isGreaterThan(before);
            before = brightness;
        }
    }

    @Test
    void refusesScoresThatDoNotFitTheAxes() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Heatmap("x", List.of(0.0, 100.0), List.of(64), new double[][] {{1}}))
                .withMessageContaining("2 depths");
    }
}
