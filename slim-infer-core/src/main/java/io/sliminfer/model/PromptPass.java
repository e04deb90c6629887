package io.sliminfer.model;

import io.sliminfer.format.ModelConfig;

/**
 * A prompt's way through the layers in pieces, so that others may run in between: a tile's attention, or a tile's MLP. Decisions belong to
 * the last tile of attention before them. Between two pieces nothing of the prompt is left in the memory that all passes share. Engine
 * thread only.
 */
public final class PromptPass {

    private enum Part {
        ATTENTION,
        MLP
    }

    private static final int UNBEGUN = -1;

    private final Transformer transformer;
    private final ModelConfig config;
    private final PromptRows rows;
    private Part part = Part.ATTENTION;
    private int layer;
    private int row = UNBEGUN;

    /** @param rows embedded, and ready for layer 0 */
    public PromptPass(Transformer transformer, ModelConfig config, PromptRows rows) {
        this.transformer = transformer;
        this.config = config;
        this.rows = rows;
    }

    public PromptRows rows() {
        return rows;
    }

    /** Layers that are done. */
    public int layersPassed() {
        return layer;
    }

    public boolean isDone() {
        return layer == transformer.layers();
    }

    /** Whether the next piece is the first of its layer. */
    public boolean isBetweenLayers() {
        return row == UNBEGUN;
    }

    /** Runs the next piece. */
    public void next() {
        if (isBetweenLayers()) {
            rows.begin(layer);
            row = rows.first();
        }
        if (part == Part.ATTENTION) {
            row = transformer.attendTile(layer, rows, row);
            if (row == rows.count()) {
                transformer.attended(layer, rows);
                part = Part.MLP;
                row = transformer.firstMlpRow(layer, rows);
            }
        } else {
            row = transformer.mlpTile(layer, rows, row);
            if (row == rows.count()) {
                layer++;
                part = Part.ATTENTION;
                row = UNBEGUN;
            }
        }
    }

    /** FLOPs of the next piece. */
    public double nextFlops() {
        int from = isBetweenLayers() ? rows.first() : row;
        int to = rows.tileEnd(from);
        double tile = to - from;
        if (part == Part.MLP) {
            return FlopCount.mlp(config, tile);
        }
        if (transformer.lastRowOnly(layer, rows)) {
            int outputs = to == rows.count() ? 1 : 0;
            return FlopCount.attention(config, tile, (double) outputs * to, outputs);
        }
        return FlopCount.attention(config, tile, tile * from + tile * (tile + 1) / 2, tile);
    }
}
