package io.sliminfer.format;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads untrusted JSON with limits on size, depth and lengths. */
final class Json {

    /** Published files nest at most five levels deep. */
    private static final int DEPTH_MAX = 64;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(DEPTH_MAX)
                            .maxNameLength(10_000)
                            .maxStringLength(64 << 20)
                            .build())
                    .build())
            .build();

    private Json() {}

    /** Parser over {@code bytes}, for documents too large for a tree. */
    static JsonParser parser(byte[] bytes) {
        return MAPPER.createParser(bytes);
    }

    /**
     * The object in a file. Of a key that is given twice the last value counts, as in Python.
     *
     * @param bytesMax largest file that is read
     * @throws ModelFormatException if the file cannot be read, is too large or holds no JSON object
     */
    static JsonFields readObject(Path file, long bytesMax) {
        String name = fileName(file);
        JsonNode node;
        try {
            node = MAPPER.readTree(bytes(file, bytesMax));
        } catch (JacksonException e) {
            throw new ModelFormatException(name + ": is not valid JSON: " + where(e), e);
        }
        if (node == null || !node.isObject()) {
            throw new ModelFormatException(name + ": holds no JSON object.");
        }
        return new JsonFields(name, "", node);
    }

    /** An object as indented text. */
    static String text(Map<String, ?> fields) {
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(fields);
    }

    /** The text of a large document in UTF-8, such as a tokenizer's. */
    static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new ModelFormatException(file + " cannot be read: " + e, e);
        }
    }

    /** A whole file, if it is small enough. */
    static byte[] bytes(Path file, long bytesMax) {
        try {
            long size = Files.size(file);
            if (size > bytesMax) {
                throw new ModelFormatException(
                        fileName(file) + ": has " + size + " bytes; at most " + bytesMax + " are allowed.");
            }
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new ModelFormatException(fileName(file) + " is missing in " + file.getParent() + ".", e);
        } catch (IOException e) {
            throw new ModelFormatException(file + " cannot be read: " + e, e);
        }
    }

    /** Whether these bytes are UTF-8. The parser is lenient about names, and a header of 100 MB is not decoded for this alone. */
    static boolean isUtf8(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(8192);
        CoderResult result;
        do {
            out.clear();
            result = decoder.decode(in, out, true);
        } while (result.isOverflow());
        return !result.isError();
    }

    /** What is wrong and where, without the excerpt of the document that the parser adds. */
    static String where(JacksonException e) {
        String message = e.getOriginalMessage().lines().findFirst().orElse("unreadable");
        return e.getLocation() == null || e.getLocation().getLineNr() < 0
                ? message
                : message + " (line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr() + ")";
    }

    static String fileName(Path file) {
        Path name = file.getFileName();
        return name == null ? file.toString() : name.toString();
    }
}
