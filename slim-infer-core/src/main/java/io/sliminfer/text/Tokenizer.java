package io.sliminfer.text;

import io.sliminfer.format.ModelFormatException;
import io.sliminfer.format.TokenizerJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Prompts to ids and ids to text, by a model's tokenizer.json. Thread-safe; encodes on the caller's thread.
 *
 * <p>Control tokens come only from text that the template's author wrote: added tokens are found here, and what lies between them
 * is encoded by a tokenizer that does not know them. Where no text imitates a control token, the ids are those of the Hugging Face
 * tokenizer for the whole text without special tokens added.
 */
public final class Tokenizer implements AutoCloseable {

    private final TokenizerFile file;
    private final Map<Integer, String> tokens;
    private final NativeTokenizer atStart;
    private final NativeTokenizer elsewhere;
    private final AddedTokenFinder finder;

    /** Ids that ordinary text must not become. */
    private final BitSet controls = new BitSet();

    /** Ids that decoding leaves out. */
    private final BitSet special = new BitSet();

    private final TokenDecoder decoder;

    private Tokenizer(TokenizerFile file, TokenDecoder decoder, NativeTokenizer atStart, NativeTokenizer elsewhere) {
        this.file = file;
        this.tokens = file.tokens();
        this.atStart = atStart;
        this.elsewhere = elsewhere;
        this.finder = new AddedTokenFinder(file.addedTokens());
        for (AddedToken token : file.addedTokens()) {
            controls.set(token.id(), token.isControl() && token.id() != file.unknownId());
            special.set(token.id(), token.special());
        }
        this.decoder = decoder;
    }

    /**
     * Reads a tokenizer. Needs no network.
     *
     * @param vocabulary {@code vocab_size} of config.json; ids must be below it
     * @throws ModelFormatException if the file is missing, is not a tokenizer, is not supported or does not fit the vocabulary
     */
    public static Tokenizer load(Path tokenizerJson, int vocabulary) {
        return load(TokenizerFile.read(tokenizerJson), vocabulary);
    }

    /** As {@link #load(Path, int)}, for a document wherever it comes from. */
    public static Tokenizer load(TokenizerJson tokenizer, int vocabulary) {
        return load(TokenizerFile.parse(tokenizer.name(), tokenizer.json().get()), vocabulary);
    }

    private static Tokenizer load(TokenizerFile file, int vocabulary) {
        if (file.highestId() >= vocabulary) {
            throw new ModelFormatException(
                    file.path() + " has " + file.tokens().size() + " tokens (highest id " + file.highestId()
                            + "); config.json says vocab_size=" + vocabulary
                            + ". The two files are not of one model, or tokens were added without resizing the embeddings.");
        }
        TokenDecoder decoder = TokenDecoder.of(file);
        // Nobody can write this name, so ordinary text cannot match a control token that is also in the model's
        // vocabulary.
        String hidden = "control-" + UUID.randomUUID() + "-";
        NativeTokenizer atStart = parse(file, true, hidden);
        try {
            NativeTokenizer elsewhere = file.prefixesOnlyTheStart() ? parse(file, false, hidden) : atStart;
            return new Tokenizer(file, decoder, atStart, elsewhere);
        } catch (RuntimeException e) {
            atStart.close();
            throw e;
        }
    }

    private static NativeTokenizer parse(TokenizerFile file, boolean atStart, String hidden) {
        try {
            return NativeTokenizer.parse(file.ordinaryJson(atStart, hidden));
        } catch (RuntimeException hiding) {
            // Merges may lead to a control token. Then it stays, and encode() refuses text that becomes it.
            try {
                return NativeTokenizer.parse(file.ordinaryJson(atStart, null));
            } catch (RuntimeException e) {
                throw new ModelFormatException(
                        file.path() + " is not taken by the tokenizers library: " + e.getMessage(), e);
            }
        }
    }

    /**
     * The prompt's ids. Nothing is added: what the model expects at the start is in the template.
     *
     * @throws IllegalArgumentException if text that is not the template's would become a control token all the same
     */
    public int[] encode(RenderedPrompt prompt) {
        String text = prompt.text();
        Ids ids = new Ids(text.length() / 3 + 16);
        int done = 0;
        for (AddedTokenFinder.Match match : finder.find(text, prompt.trustedRuns())) {
            encodeOrdinary(text, done, match.start(), ids);
            ids.add(match.token().id());
            done = match.end();
        }
        encodeOrdinary(text, done, text.length(), ids);
        return ids.toArray();
    }

    private void encodeOrdinary(String text, int from, int to, Ids out) {
        if (from >= to) {
            return;
        }
        int[] ids = (from == 0 ? atStart : elsewhere).encode(withoutLoneSurrogates(text.substring(from, to)));
        for (int id : ids) {
            if (controls.get(id)) {
                throw new IllegalArgumentException("the prompt is refused: its text would become the control token '"
                        + tokens.get(id) + "' (id " + id + "), which only the chat template may write");
            }
        }
        out.addAll(ids);
    }

    /** Half a character has no UTF-8 form, and the native side would fail on it. */
    private static String withoutLoneSurrogates(String text) {
        StringBuilder repaired = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                boolean pair = Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1));
                if (pair) {
                    i++;
                } else {
                    repaired = repaired == null ? new StringBuilder(text) : repaired;
                    repaired.setCharAt(i, '\ufffd');
                }
            }
        }
        return repaired == null ? text : repaired.toString();
    }

    /** The text of the ids, without special tokens. */
    public String decode(int[] ids) {
        TokenStreamDecoder stream = newStreamDecoder();
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(stream.append(id));
        }
        return text.append(stream.finish()).toString();
    }

    /**
     * The text of consecutive runs of ids, for people to read: special tokens are there as the vocabulary writes them. A character
     * whose tokens lie in two runs is in the second.
     *
     * @param run ids in a run; the last may have fewer
     */
    public List<String> texts(int[] ids, int run) {
        List<String> texts = new ArrayList<>((ids.length + run - 1) / run);
        TokenStreamDecoder stream = newStreamDecoder();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < ids.length; i++) {
            text.append(visibleToken(ids[i]) == null ? tokens.getOrDefault(ids[i], "") : stream.append(ids[i]));
            if (i == ids.length - 1) {
                text.append(stream.finish());
            }
            if ((i + 1) % run == 0 || i == ids.length - 1) {
                texts.add(text.toString());
                text.setLength(0);
            }
        }
        return texts;
    }

    /** A decoder for one answer. */
    public TokenStreamDecoder newStreamDecoder() {
        return new TokenStreamDecoder(this, decoder.newStream());
    }

    /**
     * A decoder for one answer whose structure marks show.
     *
     * @param marks  strings such as {@code <think>}, none the beginning of another; may be empty
     * @param reader is told of text and marks, within the decoder's calls
     */
    public MarkedTextDecoder newMarkedDecoder(List<String> marks, MarkedTextDecoder.Reader reader) {
        return new MarkedTextDecoder(this, marks, reader);
    }

    /** The vocabulary's text of an id, or empty for ids that it does not have. */
    public Optional<String> token(int id) {
        return Optional.ofNullable(tokens.get(id));
    }

    /**
     * The bytes of UTF-8 text that a token adds to an answer, which may be part of a character; null for control tokens and ids
     * without a token.
     */
    public byte @Nullable [] bytes(int id) {
        String token = id < 0 || controls.get(id) ? null : visibleToken(id);
        return token == null ? null : decoder.bytes(token);
    }

    /** Whether a token that begins an answer adds something else than {@link #bytes}: SentencePiece drops a space there. */
    public boolean differsAsFirst(int id) {
        String token = id < 0 ? null : tokens.get(id);
        return token != null && decoder.differsAsFirst(token);
    }

    /** Id of an added token such as {@code <|eot_id|>}. */
    public OptionalInt addedTokenId(String content) {
        return file.addedTokens().stream()
                .filter(token -> token.content().equals(content))
                .mapToInt(AddedToken::id)
                .findFirst();
    }

    /** Contents of all tokens that only trusted text can become. */
    public List<String> controlTokens() {
        return file.addedTokens().stream()
                .filter(AddedToken::isControl)
                .map(AddedToken::content)
                .toList();
    }

    /** Text of an id that is shown, or null for special and unknown ids. */
    @Nullable
    String visibleToken(int id) {
        return id >= 0 && special.get(id) ? null : tokens.get(id);
    }

    /** Frees the native side, after calls in progress. May be called twice. */
    @Override
    public void close() {
        atStart.close();
        elsewhere.close();
    }

    private static final class Ids {
        private int[] ids;
        private int count;

        Ids(int capacity) {
            ids = new int[capacity];
        }

        void add(int id) {
            addAll(new int[] {id});
        }

        void addAll(int[] more) {
            if (count + more.length > ids.length) {
                ids = Arrays.copyOf(ids, Math.max(ids.length * 2, count + more.length));
            }
            System.arraycopy(more, 0, ids, count, more.length);
            count += more.length;
        }

        int[] toArray() {
            return Arrays.copyOf(ids, count);
        }
    }
}
