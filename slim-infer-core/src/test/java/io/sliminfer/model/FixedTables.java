package io.sliminfer.model;

/** A prompt's cache whose slots are all there from the beginning. */
record FixedTables(int[][] tables) implements PromptRows.Cache {

    @Override
    public int[] begin(int layer) {
        return tables[layer];
    }

    @Override
    public void stored(int layer) {}
}
