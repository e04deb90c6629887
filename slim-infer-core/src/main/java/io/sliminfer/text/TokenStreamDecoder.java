package io.sliminfer.text;

/**
 * Ids of one answer to text, as they come. Text is given out as soon as its characters are complete; all pieces together are what
 * decoding all ids at once gives. Special tokens are left out. One thread at a time.
 */
public final class TokenStreamDecoder {

    /** How tokens become text; a vocabulary has one of a few ways. */
    interface Stream {

        /** Takes a token's text and returns the characters that are complete now. */
        String append(String token);

        /** Returns what is left; half a character becomes a replacement character. */
        String finish();
    }

    private final Tokenizer tokenizer;
    private final Stream stream;

    TokenStreamDecoder(Tokenizer tokenizer, Stream stream) {
        this.tokenizer = tokenizer;
        this.stream = stream;
    }

    /** Text to append, often empty. */
    public String append(int id) {
        String token = tokenizer.visibleToken(id);
        return token == null ? "" : stream.append(token);
    }

    /** The rest of the text. Nothing may be appended afterwards. */
    public String finish() {
        return stream.finish();
    }
}
