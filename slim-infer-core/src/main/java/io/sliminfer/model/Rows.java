package io.sliminfer.model;

import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Tensor;
import io.sliminfer.prune.PruneShape;
import org.jspecify.annotations.Nullable;

/** Rows that pass a layer together: a prompt's live tokens, or one row for each decoding sequence. */
public sealed interface Rows permits PromptRows, DecodeRows {

    /** The residual stream, float32 {@code [count, hidden]}. */
    Tensor x();

    /** Original positions, int32. */
    Tensor positions();

    /** Rows, those of a cached prefix included. */
    int count();

    /** The first row that passes the layer; those before are a cached prefix, which has passed it already. */
    int first();

    /** Called before the layer stores anything: its slots are on the device afterwards. */
    void begin(int layer);

    /** Called when all rows' keys and values are stored in the layer and read for the last time in this pass. */
    void stored(int layer);

    /** The layer's cache as rows {@code from..to} see it, those rows being the last that are stored. */
    KvView kv(int layer, int from, int to);

    /** What this layer decides, or null if no rows leave here. */
    @Nullable
    PruneShape decision(int layer);

    /**
     * Where the tile that starts at row {@code from} ends. Tiles bound the memory of everything but the residual stream; the last
     * one holds the whole window, whose queries score.
     */
    int tileEnd(int from);

    /** First row whose output the last layer must compute. */
    int firstOutput();
}
