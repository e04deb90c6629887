package io.sliminfer.chat;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.TokenGrammar;
import io.sliminfer.grammar.TokenVocabulary;
import io.sliminfer.grammar.json.JsonGrammars;
import io.sliminfer.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Response formats compiled for one tokenizer; the last ones are kept, with what was found out about their tokens. Thread-safe:
 * compiles on the caller's thread.
 */
final class AnswerFormats {

    /** Compiled formats that are kept. Each may hold some tens of megabytes of masks for a large vocabulary. */
    private static final int KEPT = 32;

    /** Stands for the token that ends thinking: a byte that no text in UTF-8 has. */
    private static final int MARK = 0xff;

    private final Tokenizer tokenizer;
    private final int vocabularySize;

    // Guarded by this.
    private final Map<Key, AnswerFormat> formats = new LinkedHashMap<>(16, 0.75f, true);
    private final Map<String, TokenVocabulary> vocabularies = new LinkedHashMap<>();

    /** @param closing mark up to which an answer is thinking, or empty */
    private record Key(ResponseFormat format, String closing) {}

    /**
     * @param answer      grammar of the answer alone
     * @param constraint  what the engine enforces, thinking included
     */
    record AnswerFormat(Grammar answer, TokenGrammar constraint) {}

    AnswerFormats(Tokenizer tokenizer, int vocabularySize) {
        this.tokenizer = tokenizer;
        this.vocabularySize = vocabularySize;
    }

    /**
     * @param thinking marks of thinking with which the answer begins, or null if it begins at once
     * @return null if the answer may be anything
     * @throws IllegalArgumentException if the format cannot be enforced
     */
    @Nullable
    AnswerFormat compile(ResponseFormat format, @Nullable ThinkingMarks thinking) {
        if (format instanceof ResponseFormat.Text) {
            return null;
        }
        Key key = new Key(format, thinking == null ? "" : thinking.close());
        synchronized (this) {
            AnswerFormat known = formats.get(key);
            if (known != null) {
                return known;
            }
        }
        Grammar answer = format.grammar();
        if (answer == null) {
            return null;
        }
        Grammar whole = answer;
        if (thinking != null) {
            Expression gap = Expression.repeat(Expression.literal("\n"), 0, 2);
            whole = answer.after(Expression.sequence(thought(thinking.close()), gap));
        }
        AnswerFormat made = new AnswerFormat(answer, new TokenGrammar(whole, vocabulary(key.closing())));
        synchronized (this) {
            formats.put(key, made);
            if (formats.size() > KEPT) {
                formats.remove(formats.keySet().iterator().next());
            }
        }
        return made;
    }

    /** As the reader of answers sees it: where the mark is a token, the same characters of other tokens do not end the thinking. */
    private Expression thought(String closing) {
        return tokenizer.addedTokenId(closing).isPresent()
                ? Expression.sequence(JsonGrammars.text(), Expression.range(MARK, MARK))
                : JsonGrammars.textUpTo(closing);
    }

    /** The vocabulary without control tokens, but for the mark that ends thinking. */
    private synchronized TokenVocabulary vocabulary(String closing) {
        return vocabularies.computeIfAbsent(closing, mark -> {
            int markId = mark.isEmpty() ? -1 : tokenizer.addedTokenId(mark).orElse(-1);
            return TokenVocabulary.of(
                    vocabularySize,
                    id -> id == markId ? new byte[] {(byte) MARK} : withoutMark(tokenizer.bytes(id)),
                    id -> !tokenizer.differsAsFirst(id));
        });
    }

    private static byte @Nullable [] withoutMark(byte @Nullable [] bytes) {
        for (int i = 0; bytes != null && i < bytes.length; i++) {
            if (bytes[i] == (byte) MARK) {
                return null;
            }
        }
        return bytes;
    }
}
