package io.sliminfer.samples.rag.ingest;

import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.springframework.ai.transformer.splitter.TextSplitter;

/**
 * Cuts documents into passages of about a given length, at the ends of paragraphs and, in long paragraphs, of sentences or lines. Never
 * inside a sentence: half a fact in a passage is no fact. A heading stays with what it is about. (Spring AI's {@code TokenTextSplitter}
 * cuts where the count is full.)
 */
public final class PassageSplitter extends TextSplitter {

    private static final String PARAGRAPH_END = "\n\n";
    private static final int HEADING_CHARACTERS_MAX = 80;
    private static final Pattern SENTENCE_END = Pattern.compile("[.!?:;,)\"\\u201d]$");

    private final int passageCharacters;

    /** @param passageCharacters length that is not passed, unless one sentence alone is longer */
    public PassageSplitter(int passageCharacters) {
        this.passageCharacters = passageCharacters;
    }

    @Override
    protected List<String> splitText(String text) {
        List<String> passages = new ArrayList<>();
        StringBuilder passage = new StringBuilder();
        for (String block : withHeadings(Paragraphs.of(text))) {
            String separator = PARAGRAPH_END;
            for (String piece : block.length() <= passageCharacters ? List.of(block) : sentences(block)) {
                String words = piece.strip();
                if (!passage.isEmpty() && passage.length() + separator.length() + words.length() > passageCharacters) {
                    passages.add(passage.toString());
                    passage.setLength(0);
                }
                if (!passage.isEmpty()) {
                    passage.append(separator);
                }
                passage.append(words);
                separator = piece.endsWith("\n") ? lineFeeds(piece) : " ";
            }
        }
        if (!passage.isEmpty()) {
            passages.add(passage.toString());
        }
        return passages;
    }

    /** The paragraphs, each with the headings that stand before it. */
    private static List<String> withHeadings(List<String> paragraphs) {
        List<String> blocks = new ArrayList<>();
        StringBuilder headings = new StringBuilder();
        for (String paragraph : paragraphs) {
            if (isHeading(paragraph)) {
                headings.append(paragraph).append(PARAGRAPH_END);
            } else {
                blocks.add(headings + paragraph);
                headings.setLength(0);
            }
        }
        if (!headings.isEmpty()) {
            blocks.add(headings.toString().strip());
        }
        return blocks;
    }

    private static boolean isHeading(String paragraph) {
        return paragraph.length() <= HEADING_CHARACTERS_MAX
                && paragraph.indexOf('\n') < 0
                && !SENTENCE_END.matcher(paragraph).find();
    }

    /** With the white space behind each, which tells a line's end from a sentence's. */
    private static List<String> sentences(String block) {
        List<String> sentences = new ArrayList<>();
        for (String lines : block.split("(?<=\n)(?!\n)")) {
            BreakIterator breaks = BreakIterator.getSentenceInstance(Locale.ENGLISH);
            breaks.setText(lines);
            int start = breaks.first();
            for (int end = breaks.next(); end != BreakIterator.DONE; end = breaks.next()) {
                sentences.add(lines.substring(start, end));
                start = end;
            }
        }
        return sentences;
    }

    private static String lineFeeds(String piece) {
        return piece.endsWith(PARAGRAPH_END) ? PARAGRAPH_END : "\n";
    }
}
