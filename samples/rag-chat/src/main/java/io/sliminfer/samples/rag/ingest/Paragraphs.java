package io.sliminfer.samples.rag.ingest;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Finds the paragraphs of a text and undoes line wrapping inside them, so that a sentence is one piece wherever its author or a PDF's
 * layout broke the line.
 */
final class Paragraphs {

    // Shorter lines were ended on purpose: items, verses, "key: value". Prose is wrapped at 72 columns or more, less
    // its last word.
    private static final int WRAPPED_LINE_CHARACTERS = 60;
    private static final Pattern EMPTY_LINE = Pattern.compile("\\n[ \\t\\u00a0]*(?:\\n[ \\t\\u00a0]*)+");
    private static final Pattern SPACES = Pattern.compile("[\\s\\u00a0]+");
    private static final Pattern LIST_ITEM = Pattern.compile("(?:[-*\\u2022]|\\d{1,3}[.)])\\s.*");

    private Paragraphs() {}

    /** Paragraphs in order, none blank. Lines that stay apart are separated by a line feed; there are no other breaks. */
    static List<String> of(String text) {
        List<String> paragraphs = new ArrayList<>();
        for (String block : EMPTY_LINE.split(text.replace("\r\n", "\n").replace('\f', '\n'))) {
            String paragraph = unwrap(block);
            if (!paragraph.isEmpty()) {
                paragraphs.add(paragraph);
            }
        }
        return paragraphs;
    }

    private static String unwrap(String block) {
        StringBuilder paragraph = new StringBuilder();
        int previousCharacters = 0;
        for (String raw : block.split("\n")) {
            String line = SPACES.matcher(raw).replaceAll(" ").strip();
            if (line.isEmpty()) {
                continue;
            }
            if (!paragraph.isEmpty()) {
                boolean wrapped = previousCharacters >= WRAPPED_LINE_CHARACTERS
                        && !LIST_ITEM.matcher(line).matches();
                paragraph.append(wrapped ? ' ' : '\n');
            }
            paragraph.append(line);
            previousCharacters = line.length();
        }
        return paragraph.toString();
    }
}
