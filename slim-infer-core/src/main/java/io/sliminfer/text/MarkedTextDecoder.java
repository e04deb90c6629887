package io.sliminfer.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Ids of one answer to text and the marks in it, such as {@code <tool_call>}. A mark that the vocabulary has as an added token counts
 * as that token alone, also where decoding leaves it out; the same characters spelled by other tokens are text, as when a model
 * repeats what a document says. Marks that are no tokens are looked for in the text, of which the possible beginning of one is held
 * back. One thread at a time.
 */
public final class MarkedTextDecoder {

    /** Is told of an answer's parts in their order. */
    public interface Reader {

        /** Text to append; never empty. */
        void text(String text);

        /** @param token whether the vocabulary has the mark as a token; otherwise it may as well be text that looks like it */
        void mark(String mark, boolean token);
    }

    private final TokenStreamDecoder decoder;
    private final Map<Integer, String> tokens = new HashMap<>();
    private final List<String> spelled = new ArrayList<>();
    private final StringBuilder held = new StringBuilder();
    private final Reader reader;

    /** @param marks none is the beginning of another */
    MarkedTextDecoder(Tokenizer tokenizer, List<String> marks, Reader reader) {
        this.decoder = tokenizer.newStreamDecoder();
        this.reader = reader;
        for (String mark : marks) {
            OptionalInt id = tokenizer.addedTokenId(mark);
            if (id.isPresent()) {
                tokens.put(id.getAsInt(), mark);
            } else {
                spelled.add(mark);
            }
        }
    }

    public void append(int id) {
        String mark = tokens.get(id);
        if (mark == null) {
            search(decoder.append(id));
        } else {
            tell(held.length());
            reader.mark(mark, true);
        }
    }

    /** Tells the rest. Nothing may be appended afterwards. */
    public void finish() {
        search(decoder.finish());
        tell(held.length());
    }

    private void search(String text) {
        if (text.isEmpty()) {
            return;
        }
        held.append(text);
        while (true) {
            String first = null;
            int at = held.length();
            for (String mark : spelled) {
                int found = held.indexOf(mark);
                if (found >= 0 && found < at) {
                    first = mark;
                    at = found;
                }
            }
            if (first == null) {
                tell(StopStrings.earliestOpen(held, spelled, 0, held.length()));
                return;
            }
            tell(at);
            held.delete(0, first.length());
            reader.mark(first, false);
        }
    }

    private void tell(int length) {
        if (length > 0) {
            String text = held.substring(0, length);
            held.delete(0, length);
            reader.text(text);
        }
    }
}
