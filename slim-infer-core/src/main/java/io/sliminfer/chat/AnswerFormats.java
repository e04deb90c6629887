package io.sliminfer.chat;

import io.sliminfer.chat.tools.CallGrammar;
import io.sliminfer.chat.tools.ToolFormat;
import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.TokenGrammar;
import io.sliminfer.grammar.TokenVocabulary;
import io.sliminfer.grammar.json.JsonGrammars;
import io.sliminfer.text.Tokenizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Response formats compiled for one tokenizer; the last ones are kept, with what was found out about their tokens. Thread-safe:
 * compiles on the caller's thread.
 */
final class AnswerFormats {

    /** Compiled formats that are kept. Each may hold some tens of megabytes of masks for a large vocabulary. */
    private static final int KEPT = 32;

    /** The last bytes stand for tokens that are marks: no text in UTF-8 has them. */
    private static final int LAST_MARK = 0xff;

    private static final int FIRST_MARK = 0xf8;

    private final Tokenizer tokenizer;
    private final int vocabularySize;

    // Guarded by this.
    private final Map<Key, AnswerFormat> formats = new LinkedHashMap<>(16, 0.75f, true);
    private final Map<List<String>, TokenVocabulary> vocabularies = new LinkedHashMap<>();

    /**
     * @param closing mark up to which an answer is thinking, or empty
     * @param tools   definitions of the tools that may be called instead
     */
    private record Key(ResponseFormat format, String closing, List<Map<String, Object>> tools) {}

    /**
     * @param answer      grammar of the answer alone, without calls
     * @param constraint  what the engine enforces, thinking and calls included
     */
    record AnswerFormat(Grammar answer, TokenGrammar constraint) {}

    AnswerFormats(Tokenizer tokenizer, int vocabularySize) {
        this.tokenizer = tokenizer;
        this.vocabularySize = vocabularySize;
    }

    /**
     * @param thinking marks of thinking with which the answer begins, or null if it begins at once
     * @param calls    form of the calls that it may be instead, or null if there are no tools
     * @param tools    their definitions
     * @return null if the answer may be anything
     * @throws IllegalArgumentException if the format or a tool's schema cannot be enforced
     */
    @Nullable
    AnswerFormat compile(
            ResponseFormat format,
            @Nullable ThinkingMarks thinking,
            @Nullable ToolFormat calls,
            List<Map<String, Object>> tools) {
        if (format instanceof ResponseFormat.Text) {
            return null;
        }
        Key key = new Key(format, thinking == null ? "" : thinking.close(), calls == null ? List.of() : tools);
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
        List<String> marks = new ArrayList<>();
        Grammar whole = answer;
        if (calls != null) {
            marks.addAll(calls.marks());
            whole = answer.or(
                    builder -> calls.calls(new CallGrammar(builder, tools, mark -> mark(mark, marks))),
                    JsonGrammars.DEPTH_MAX);
        }
        if (thinking != null) {
            marks.add(thinking.close());
            Expression gap = Expression.repeat(Expression.literal("\n"), 0, 2);
            whole = whole.after(Expression.sequence(thought(thinking.close(), marks), gap));
        }
        AnswerFormat made = new AnswerFormat(answer, new TokenGrammar(whole, vocabulary(marks)));
        synchronized (this) {
            formats.put(key, made);
            if (formats.size() > KEPT) {
                formats.remove(formats.keySet().iterator().next());
            }
        }
        return made;
    }

    /** As the reader of answers sees it: where the mark is a token, the same characters of other tokens do not end the thinking. */
    private Expression thought(String closing, List<String> marks) {
        return tokenizer.addedTokenId(closing).isPresent()
                ? Expression.sequence(JsonGrammars.text(), mark(closing, marks))
                : JsonGrammars.textUpTo(closing);
    }

    /** What writes a mark: its token where it is one, else its characters. */
    private Expression mark(String mark, List<String> marks) {
        int value = LAST_MARK - marks.indexOf(mark);
        return tokenizer.addedTokenId(mark).isPresent() ? Expression.range(value, value) : Expression.literal(mark);
    }

    /** The vocabulary without control tokens, but for marks that are such: each stands for one byte. */
    private synchronized TokenVocabulary vocabulary(List<String> marks) {
        return vocabularies.computeIfAbsent(List.copyOf(marks), key -> {
            Map<Integer, byte[]> values = new HashMap<>();
            for (int i = 0; i < key.size(); i++) {
                byte[] value = {(byte) (LAST_MARK - i)};
                tokenizer.addedTokenId(key.get(i)).ifPresent(id -> values.put(id, value));
            }
            return TokenVocabulary.of(
                    vocabularySize,
                    id -> values.containsKey(id) ? values.get(id) : withoutMark(tokenizer.bytes(id)),
                    id -> !tokenizer.differsAsFirst(id));
        });
    }

    private static byte @Nullable [] withoutMark(byte @Nullable [] bytes) {
        for (int i = 0; bytes != null && i < bytes.length; i++) {
            if ((bytes[i] & 0xff) >= FIRST_MARK) {
                return null;
            }
        }
        return bytes;
    }
}
