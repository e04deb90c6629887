package io.sliminfer.benchmarks.quality.heatmap;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;

/** Heat maps side by side: depth of the needle downwards, length to the right, a colour scale with its figures at the end. */
public final class HeatmapImage {

    private static final int CELL_WIDTH = 56;
    private static final int CELL_HEIGHT = 14;
    private static final int LEFT = 64;
    private static final int TOP = 56;
    private static final int BOTTOM = 48;
    private static final int GAP = 28;
    private static final int SCALE_WIDTH = 18;
    private static final int SCALE_LABELS = 64;

    /** Depths between two labels: rows are lower than two lines of text. */
    private static final int LABEL_EVERY = 3;

    private HeatmapImage() {}

    /**
     * Fails where Java finds no font to write with, before anything is measured for a picture.
     *
     * @throws IllegalStateException naming what to install
     */
    public static void requireFonts() {
        requireFonts(HeatmapImage::writeALetter);
    }

    static void requireFonts(Runnable writing) {
        try {
            writing.run();
        } catch (RuntimeException | LinkageError | InternalError e) {
            // Depending on what is missing: UnsatisfiedLinkError (libfreetype, libharfbuzz), later
            // NoClassDefFoundError; InternalError
            // or a RuntimeException (fontconfig, or no font at all).
            throw new IllegalStateException(
                    "no picture can be drawn, because this Java cannot write text (%s). Install fontconfig, libfreetype, libharfbuzz and a font such as DejaVu (Debian, Ubuntu: apt-get install fontconfig libfreetype6 libharfbuzz0b fonts-dejavu-core)"
                            .formatted(e),
                    e);
        }
    }

    private static void writeALetter() {
        Graphics2D graphics = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB).createGraphics();
        try {
            graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 14));
            graphics.drawString("a", 2, 14);
        } finally {
            graphics.dispose();
        }
    }

    /**
     * @param title   above all maps
     * @param maps    of the same depths and lengths
     */
    public static BufferedImage draw(String title, List<Heatmap> maps) {
        Heatmap first = maps.get(0);
        int mapWidth = first.lengths().size() * CELL_WIDTH;
        int mapHeight = first.depths().size() * CELL_HEIGHT;
        int width = LEFT + maps.size() * (mapWidth + GAP) + SCALE_WIDTH + SCALE_LABELS;
        // Wide enough for the title over a single narrow map.
        BufferedImage image =
                new BufferedImage(Math.max(width, 480), TOP + mapHeight + BOTTOM, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
            graphics.setColor(Color.BLACK);
            graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 14));
            graphics.drawString(title, 8, 20);
            graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
            drawDepths(graphics, first.depths());
            for (int i = 0; i < maps.size(); i++) {
                drawMap(graphics, maps.get(i), LEFT + i * (mapWidth + GAP));
            }
            drawScale(graphics, LEFT + maps.size() * (mapWidth + GAP), mapHeight);
        } finally {
            graphics.dispose();
        }
        return image;
    }

    private static void drawDepths(Graphics2D graphics, List<Double> depths) {
        graphics.drawString("depth", 8, TOP - 8);
        for (int i = 0; i < depths.size(); i++) {
            if (i % LABEL_EVERY == 0 || i == depths.size() - 1 && i % LABEL_EVERY == LABEL_EVERY - 1) {
                drawRight(
                        graphics,
                        String.format(Locale.ROOT, "%.0f %%", depths.get(i)),
                        LEFT - 6,
                        TOP + i * CELL_HEIGHT + CELL_HEIGHT - 3);
            }
        }
    }

    private static void drawMap(Graphics2D graphics, Heatmap map, int left) {
        graphics.setColor(Color.BLACK);
        graphics.drawString(map.title(), left, TOP - 8);
        int mapHeight = map.depths().size() * CELL_HEIGHT;
        for (int column = 0; column < map.lengths().size(); column++) {
            int x = left + column * CELL_WIDTH;
            for (int row = 0; row < map.depths().size(); row++) {
                graphics.setColor(ColourScale.of(map.scores()[row][column]));
                graphics.fillRect(x, TOP + row * CELL_HEIGHT, CELL_WIDTH - 1, CELL_HEIGHT - 1);
            }
            graphics.setColor(Color.BLACK);
            String length = String.format(Locale.ROOT, "%,d", map.lengths().get(column));
            drawRight(graphics, length, x + CELL_WIDTH - 4, TOP + mapHeight + 14);
        }
        graphics.drawString("length (tokens)", left, TOP + mapHeight + 32);
    }

    private static void drawScale(Graphics2D graphics, int left, int height) {
        for (int y = 0; y < height; y++) {
            graphics.setColor(ColourScale.of(1 - (double) y / Math.max(1, height - 1)));
            graphics.fillRect(left, TOP + y, SCALE_WIDTH, 1);
        }
        graphics.setColor(Color.BLACK);
        graphics.drawString("score", left, TOP - 8);
        for (int quarter = 0; quarter <= 4; quarter++) {
            int y = TOP + Math.round((height - 1) * (1 - quarter / 4f));
            graphics.drawLine(left + SCALE_WIDTH, y, left + SCALE_WIDTH + 3, y);
            graphics.drawString(
                    String.format(Locale.ROOT, "%.2f", quarter / 4.0),
                    left + SCALE_WIDTH + 6,
                    Math.max(TOP + 9, y + 4));
        }
    }

    private static void drawRight(Graphics2D graphics, String text, int right, int baseline) {
        graphics.drawString(text, right - graphics.getFontMetrics().stringWidth(text), baseline);
    }

    /** Writes a PNG; an existing file is replaced. */
    public static void write(BufferedImage image, Path file) {
        try {
            if (!ImageIO.write(image, "png", file.toFile())) {
                throw new IllegalStateException("this JVM has no PNG writer");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
        }
    }
}
