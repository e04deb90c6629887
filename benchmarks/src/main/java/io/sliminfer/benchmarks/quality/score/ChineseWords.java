package io.sliminfer.benchmarks.quality.score;

import com.huaban.analysis.jieba.JiebaSegmenter;
import java.io.PrintStream;
import java.util.List;

/**
 * Words of Chinese text. LongBench cuts with Python's jieba in its accurate mode; this is jieba's Java port in the same mode, with an
 * older dictionary, so that single words may be cut otherwise. The dictionary (5 MB) is read with the first text.
 */
final class ChineseWords {

    private ChineseWords() {}

    /** In order, white space and punctuation included. */
    static List<String> of(String text) {
        return Holder.SEGMENTER.sentenceProcess(text);
    }

    private static final class Holder {
        static final JiebaSegmenter SEGMENTER = load();

        /** The library tells standard output how long it took; that belongs to results. */
        private static JiebaSegmenter load() {
            PrintStream out = System.out;
            System.setOut(System.err);
            try {
                return new JiebaSegmenter();
            } finally {
                System.setOut(out);
            }
        }
    }
}
