package io.sliminfer.text;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * SentencePiece vocabularies: {@code ▁} stands for a space, {@code <0xE2>} for a byte. A run of bytes is held until it ends,
 * because it is text only if the whole run is valid UTF-8.
 */
final class SentencePieceStream implements TokenStreamDecoder.Stream {

    /**
     * @param replacements   what to replace in each token, with what
     * @param byteFallback   whether {@code <0xE2>} is a byte
     * @param stripped       character that is taken from the start of the text, or empty
     * @param strippedMax    at most this often
     * @param firstWithout   character that the first token loses wherever it stands in it (Metaspace), or empty
     */
    record Settings(
            List<String[]> replacements, boolean byteFallback, String stripped, int strippedMax, String firstWithout)
            implements TokenDecoder {

        static final Settings NONE = new Settings(List.of(), false, "", 0, "");

        /** These settings and a further step, or null if it is not supported. */
        @Nullable
        Settings with(JsonNode step) {
            switch (TokenDecoder.type(step)) {
                case "Replace":
                    String pattern = step.path("pattern").path("String").asString("");
                    return pattern.isEmpty() || byteFallback
                            ? null
                            : new Settings(
                                    plus(pattern, step.path("content").asString("")),
                                    false,
                                    stripped,
                                    strippedMax,
                                    firstWithout);
                case "ByteFallback":
                    return new Settings(replacements, true, stripped, strippedMax, firstWithout);
                case "Fuse":
                    return this;
                case "Strip":
                    return step.path("stop").asInt(0) != 0
                            ? null
                            : new Settings(
                                    replacements,
                                    byteFallback,
                                    step.path("content").asString(""),
                                    step.path("start").asInt(0),
                                    firstWithout);
                case "Metaspace":
                    String space = step.path("replacement").asString("\u2581");
                    boolean never = step.path("prepend_scheme").asString("").equals("never")
                            || !step.path("add_prefix_space").asBoolean(true);
                    return new Settings(plus(space, " "), byteFallback, stripped, strippedMax, never ? "" : space);
                default:
                    return null;
            }
        }

        @Override
        public TokenStreamDecoder.Stream newStream() {
            return new SentencePieceStream(this);
        }

        @Override
        public byte[] bytes(String token) {
            String text = replaced(token);
            int value = byteFallback ? byteValue(text) : -1;
            return value >= 0 ? new byte[] {(byte) value} : text.getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public boolean differsAsFirst(String token) {
            return (!firstWithout.isEmpty() && token.contains(firstWithout))
                    || (strippedMax > 0
                            && !stripped.isEmpty()
                            && replaced(token).startsWith(stripped));
        }

        private String replaced(String token) {
            String text = token;
            for (String[] replacement : replacements) {
                text = text.replace(replacement[0], replacement[1]);
            }
            return text;
        }

        private List<String[]> plus(String pattern, String content) {
            List<String[]> all = new ArrayList<>(replacements);
            all.add(new String[] {pattern, content});
            return List.copyOf(all);
        }
    }

    private final Settings settings;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private int strippable;
    private boolean first = true;

    SentencePieceStream(Settings settings) {
        this.settings = settings;
        this.strippable = settings.stripped().isEmpty() ? 0 : settings.strippedMax();
    }

    @Override
    public String append(String token) {
        String text = token;
        if (first && !settings.firstWithout().isEmpty()) {
            text = text.replace(settings.firstWithout(), "");
        }
        first = false;
        text = settings.replaced(text);
        int value = settings.byteFallback() ? byteValue(text) : -1;
        if (value >= 0) {
            bytes.write(value);
            return "";
        }
        return stripped(heldBytes() + text);
    }

    /** The byte that {@code <0xE2>} stands for, or -1. */
    private static int byteValue(String token) {
        if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
            return -1;
        }
        int high = Character.digit(token.charAt(3), 16);
        int low = Character.digit(token.charAt(4), 16);
        return high < 0 || low < 0 ? -1 : high * 16 + low;
    }

    private String heldBytes() {
        if (bytes.size() == 0) {
            return "";
        }
        byte[] run = bytes.toByteArray();
        bytes.reset();
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(run))
                    .toString();
        } catch (CharacterCodingException e) {
            return "\ufffd".repeat(run.length);
        }
    }

    private String stripped(String text) {
        int start = 0;
        while (strippable > 0 && text.startsWith(settings.stripped(), start)) {
            start += settings.stripped().length();
            strippable--;
        }
        if (start < text.length()) {
            strippable = 0;
        }
        return text.substring(start);
    }

    @Override
    public String finish() {
        return stripped(heldBytes());
    }
}
