package io.sliminfer.text;

/**
 * An entry of {@code added_tokens} in tokenizer.json: found in text before anything else is done with it.
 *
 * @param special    left out when ids are decoded
 * @param lstrip     takes white space before it along
 * @param rstrip     takes white space after it along
 * @param singleWord only found where no word continues at either side
 */
record AddedToken(int id, String content, boolean special, boolean lstrip, boolean rstrip, boolean singleWord) {

    /**
     * Whether ordinary text must never become this token. Runs of white space that some vocabularies add are plain text, whoever
     * wrote them.
     */
    boolean isControl() {
        return special || !content.replace('\u2581', ' ').isBlank();
    }
}
