package io.sliminfer.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds added tokens in a prompt: leftmost first, the longest of those that start together, as the tokenizers library does it.
 * Control tokens are found in trusted text only. Thread-safe.
 */
final class AddedTokenFinder {

    private static final int ASCII = 128;

    private final Map<Character, List<AddedToken>> byFirstCharacter = new HashMap<>();

    /** The same without boxing, because every character of a prompt asks. */
    private final List<AddedToken>[] ascii = newArray();

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static List<AddedToken>[] newArray() {
        return new List[ASCII];
    }

    AddedTokenFinder(Collection<AddedToken> tokens) {
        for (AddedToken token : tokens) {
            byFirstCharacter
                    .computeIfAbsent(token.content().charAt(0), c -> new ArrayList<>())
                    .add(token);
        }
        byFirstCharacter
                .values()
                .forEach(list -> list.sort(Comparator.comparingInt(
                                (AddedToken token) -> token.content().length())
                        .reversed()));
        for (int c = 0; c < ASCII; c++) {
            ascii[c] = byFirstCharacter.getOrDefault((char) c, List.of());
        }
    }

    /**
     * A token in the text.
     *
     * @param start first character, white space that the token takes along included
     * @param end   behind the last character, white space included
     */
    record Match(AddedToken token, int start, int end) {}

    /** All tokens in order; control tokens lie wholly in trusted text. White space that a token takes along may be anyone's. */
    List<Match> find(String text, int[] trustedRuns) {
        List<Match> matches = new ArrayList<>();
        int free = 0;
        int run = 0;
        for (int at = 0; at < text.length(); at++) {
            while (run < trustedRuns.length && trustedRuns[run + 1] <= at) {
                run += 2;
            }
            int trustedEnd = run < trustedRuns.length && trustedRuns[run] <= at ? trustedRuns[run + 1] : at;
            AddedToken token = at(text, at, trustedEnd);
            if (token != null) {
                Match match = withWhitespace(text, token, at, free);
                matches.add(match);
                free = match.end();
                at = free - 1;
            }
        }
        return matches;
    }

    private @Nullable AddedToken at(String text, int at, int trustedEnd) {
        char first = text.charAt(at);
        List<AddedToken> candidates = first < ASCII ? ascii[first] : byFirstCharacter.getOrDefault(first, List.of());
        for (AddedToken token : candidates) {
            int end = at + token.content().length();
            if ((end <= trustedEnd || !token.isControl()) && text.startsWith(token.content(), at)) {
                boolean bordered = (at == 0 || !isWord(text.codePointBefore(at)))
                        && (end == text.length() || !isWord(text.codePointAt(end)));
                if (!token.singleWord() || bordered) {
                    return token;
                }
            }
        }
        return null;
    }

    private static Match withWhitespace(String text, AddedToken token, int at, int free) {
        int start = at;
        while (token.lstrip() && start > free && isWhitespace(text.charAt(start - 1))) {
            start--;
        }
        int end = at + token.content().length();
        while (token.rstrip() && end < text.length() && isWhitespace(text.charAt(end))) {
            end++;
        }
        return new Match(token, start, end);
    }

    private static boolean isWord(int c) {
        return Character.isLetterOrDigit(c)
                || Character.getType(c) == Character.CONNECTOR_PUNCTUATION
                || Arrays.binarySearch(MARKS, Character.getType(c)) >= 0;
    }

    /** Ascending. */
    private static final int[] MARKS = {
        Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK
    };

    private static boolean isWhitespace(char c) {
        return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 || (c > 0x7f && Character.isSpaceChar(c));
    }
}
