package io.sliminfer.format;

/**
 * Which row of a file a row is. GGUF files of llama keep the rows of Q and K in pairs: element {@code i} of a head's first half, then
 * element {@code i} of its second, because ggml rotates neighbours there (conversion in convert_hf_to_gguf.py, {@code permute}).
 *
 * @param headDim rows of a head whose halves are interleaved; 0 for rows as they are
 */
record RowOrder(int headDim) {

    static final RowOrder SAME = new RowOrder(0);

    boolean changes() {
        return headDim > 0;
    }

    /** The file's row of a row in Hugging Face's order. */
    long inFile(long row) {
        if (!changes()) {
            return row;
        }
        long within = row % headDim;
        int half = headDim / 2;
        return row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    }
}
