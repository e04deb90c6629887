package io.sliminfer.model;

import io.sliminfer.prune.PrunePlan;

/** A prompt's cache whose slots are all there from the beginning. */
record FixedTables(int[][] tables) implements PromptRows.Cache {

    @Override
    public int[] begin(int layer) {
        return tables[layer];
    }

    @Override
    public void stored(int layer) {}

    @Override
    public int cachedTokens() {
        return 0;
    }

    @Override
    public int[] hiddenSlots() {
        return new int[0];
    }

    @Override
    public int[] takeHiddenSlots() {
        return new int[0];
    }

    @Override
    public void hiddenStored() {}

    @Override
    public void decided(PrunePlan plan) {}
}
