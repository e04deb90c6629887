package io.sliminfer.text;

import io.sliminfer.format.ModelFormatException;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The field {@code decoder} of a tokenizer.json: what turns tokens back into text. */
interface TokenDecoder {

    TokenStreamDecoder.Stream newStream();

    /** The bytes of UTF-8 text that a token adds to an answer, wherever it comes; they may be part of a character. */
    byte[] bytes(String token);

    /** Whether a token adds something else when it is an answer's first. */
    default boolean differsAsFirst(String token) {
        return false;
    }

    /** @throws ModelFormatException if the decoder is none of those that Llama, Mistral and Qwen models have */
    static TokenDecoder of(TokenizerFile file) {
        List<JsonNode> steps = new ArrayList<>();
        flatten(file.decoder(), steps);
        if (steps.size() == 1 && type(steps.get(0)).equals("ByteLevel")) {
            return new TokenDecoder() {
                @Override
                public TokenStreamDecoder.Stream newStream() {
                    return new ByteLevelStream();
                }

                @Override
                public byte[] bytes(String token) {
                    return ByteLevelStream.bytes(token);
                }
            };
        }
        SentencePieceStream.Settings settings = SentencePieceStream.Settings.NONE;
        for (JsonNode step : steps) {
            settings = settings.with(step);
            if (settings == null) {
                throw unsupported(file);
            }
        }
        if (steps.isEmpty()) {
            throw unsupported(file);
        }
        return settings;
    }

    private static void flatten(JsonNode decoder, List<JsonNode> steps) {
        if (type(decoder).equals("Sequence")) {
            decoder.path("decoders").forEach(step -> flatten(step, steps));
        } else if (decoder.isObject()) {
            steps.add(decoder);
        }
    }

    static String type(JsonNode step) {
        return step.path("type").asString("");
    }

    private static ModelFormatException unsupported(TokenizerFile file) {
        return new ModelFormatException(
                file.path() + ": the decoder " + file.decoder()
                        + " is not supported; supported are ByteLevel, Metaspace, and Sequence of Replace, ByteFallback, Fuse, Strip");
    }
}
