package io.sliminfer.format;

import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * The JSON header of a safetensors file, checked against the bytes that follow it: every tensor lies inside the data, its
 * length is that of its shape, and tensors cover the data without gap or overlap. Read token by token, because a header may
 * have 100 MB and comes from anyone.
 *
 * @param tensors  by name, in the order of the header
 * @param metadata {@code __metadata__}: what the writer noted, for example its framework
 */
record SafetensorsHeader(Map<String, Entry> tensors, Map<String, String> metadata) {

    /** Dimensions of a tensor; more than any model has. */
    private static final int RANK_MAX = 16;

    /** Bits of an element for every dtype of the format, also those that no model here may use. */
    private static final Map<String, Integer> BITS = Map.ofEntries(
            Map.entry("BOOL", 8),
            Map.entry("F4", 4),
            Map.entry("F6_E2M3", 6),
            Map.entry("F6_E3M2", 6),
            Map.entry("U8", 8),
            Map.entry("I8", 8),
            Map.entry("F8_E5M2", 8),
            Map.entry("F8_E4M3", 8),
            Map.entry("F8_E5M2FNUZ", 8),
            Map.entry("F8_E4M3FNUZ", 8),
            Map.entry("F8_E8M0", 8),
            Map.entry("I16", 16),
            Map.entry("U16", 16),
            Map.entry("F16", 16),
            Map.entry("BF16", 16),
            Map.entry("I32", 32),
            Map.entry("U32", 32),
            Map.entry("F32", 32),
            Map.entry("C64", 64),
            Map.entry("F64", 64),
            Map.entry("I64", 64),
            Map.entry("U64", 64));

    /**
     * One tensor.
     *
     * @param dtype as the file names it
     * @param begin first byte, counted from the end of the header
     * @param end   byte after the last
     */
    record Entry(String name, String dtype, List<Long> shape, long begin, long end) {}

    /**
     * @param file      name for messages
     * @param json      the header
     * @param dataBytes bytes that follow the header
     */
    static SafetensorsHeader parse(String file, byte[] json, long dataBytes) {
        // The parser would also take UTF-16, which shows as a zero byte beside the first brace.
        if (json.length < 2 || json[0] != '{' || json[1] == 0 || !Json.isUtf8(json)) {
            throw new ModelFormatException(file
                    + ": the header is not a JSON object in UTF-8; this is not a safetensors file, or it is damaged.");
        }
        SafetensorsHeader header;
        try (JsonParser parser = Json.parser(json)) {
            header = new Reader(file, parser).read();
        } catch (JacksonException e) {
            throw new ModelFormatException(file + ": the header is not valid JSON: " + Json.where(e), e);
        }
        header.checkLayout(file, dataBytes);
        return header;
    }

    private void checkLayout(String file, long dataBytes) {
        Entry[] byOffset = tensors.values().toArray(Entry[]::new);
        Arrays.sort(byOffset, Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long covered = 0;
        @Nullable Entry previous = null;
        for (Entry entry : byOffset) {
            String tensor = file + ": tensor " + entry.name();
            if (entry.begin() < 0 || entry.end() < entry.begin()) {
                throw new ModelFormatException(tensor + " has data_offsets [" + entry.begin() + ", " + entry.end()
                        + "]; they must rise from 0 or more.");
            }
            if (entry.end() > dataBytes) {
                throw new ModelFormatException(
                        tensor + " ends at byte " + entry.end() + " of the data, but the file holds " + dataBytes
                                + " bytes of data: it is truncated (download it again) or its header lies.");
            }
            checkLength(tensor, entry);
            if (entry.begin() < covered && previous != null) {
                throw new ModelFormatException(tensor + " at bytes " + entry.begin() + " to " + entry.end()
                        + " overlaps tensor " + previous.name() + " at bytes " + previous.begin() + " to "
                        + previous.end() + ".");
            }
            if (entry.begin() > covered) {
                throw new ModelFormatException(tensor + " begins at byte " + entry.begin()
                        + " of the data, but bytes from " + covered + " belong to no tensor; gaps are not allowed.");
            }
            covered = entry.end();
            previous = entry;
        }
        if (covered != dataBytes) {
            throw new ModelFormatException(file + ": " + (dataBytes - covered)
                    + " bytes follow the last tensor; the header describes " + covered
                    + " bytes of data, the file holds "
                    + dataBytes + ".");
        }
    }

    private static void checkLength(String tensor, Entry entry) {
        Integer bits = BITS.get(entry.dtype());
        if (bits == null) {
            // A dtype newer than this code: harmless unless a model needs the tensor, which SafetensorsFile checks.
            return;
        }
        long length = entry.end() - entry.begin();
        try {
            long elements = 1;
            for (long size : entry.shape()) {
                elements = Math.multiplyExact(elements, size);
            }
            long total = Math.multiplyExact(elements, (long) bits);
            if (total % 8 != 0 || total / 8 != length) {
                throw new ModelFormatException(tensor + " has shape " + entry.shape() + " of " + entry.dtype()
                        + ", which is "
                        + (total + 7) / 8 + " bytes, but its data_offsets [" + entry.begin() + ", " + entry.end()
                        + "] hold " + length + ".");
            }
        } catch (ArithmeticException e) {
            throw new ModelFormatException(
                    tensor + " has shape " + entry.shape() + ", which is more than any file can hold.", e);
        }
    }

    /** Pulls the entries out of the token stream. */
    private static final class Reader {

        private final String file;
        private final JsonParser parser;
        private final Map<String, Entry> tensors = new LinkedHashMap<>();
        private @Nullable Map<String, String> metadata;

        Reader(String file, JsonParser parser) {
            this.file = file;
            this.parser = parser;
        }

        SafetensorsHeader read() {
            parser.nextToken();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                if (name.equals("__metadata__")) {
                    readMetadata();
                } else if (tensors.put(name, readEntry(name)) != null) {
                    throw new ModelFormatException(file + ": the header names tensor " + name + " twice.");
                }
            }
            if (parser.nextToken() != null) {
                throw new ModelFormatException(file + ": the header goes on after its JSON object.");
            }
            return new SafetensorsHeader(
                    Collections.unmodifiableMap(tensors), metadata == null ? Map.of() : Map.copyOf(metadata));
        }

        private void readMetadata() {
            if (metadata != null) {
                throw new ModelFormatException(file + ": the header has __metadata__ twice.");
            }
            metadata = new LinkedHashMap<>();
            require(parser.nextToken() == JsonToken.START_OBJECT, "__metadata__ is not an object of strings");
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                require(parser.nextToken() == JsonToken.VALUE_STRING, "__metadata__ is not an object of strings");
                metadata.put(key, parser.getString());
            }
        }

        private Entry readEntry(String name) {
            require(parser.nextToken() == JsonToken.START_OBJECT, "tensor " + name + " is not described by an object");
            @Nullable String dtype = null;
            long @Nullable [] shape = null;
            long @Nullable [] offsets = null;
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String field = parser.currentName();
                JsonToken value = parser.nextToken();
                switch (field) {
                    case "dtype" -> {
                        require(dtype == null, "tensor " + name + " has dtype twice");
                        require(
                                value == JsonToken.VALUE_STRING,
                                "tensor " + name + " has a dtype that is not a string");
                        dtype = parser.getString();
                    }
                    case "shape" -> {
                        require(shape == null, "tensor " + name + " has shape twice");
                        shape = readSizes(name, field);
                    }
                    case "data_offsets" -> {
                        require(offsets == null, "tensor " + name + " has data_offsets twice");
                        offsets = readSizes(name, field);
                    }
                    default -> parser.skipChildren();
                }
            }
            require(
                    dtype != null && shape != null && offsets != null && offsets.length == 2,
                    "tensor " + name + " lacks dtype, shape or a pair of data_offsets");
            return new Entry(name, dtype, Arrays.stream(shape).boxed().toList(), offsets[0], offsets[1]);
        }

        private long[] readSizes(String name, String field) {
            String problem = "tensor " + name + " has a " + field + " that is not a list of up to " + RANK_MAX
                    + " whole numbers from 0 to 2^63 - 1";
            require(parser.currentToken() == JsonToken.START_ARRAY, problem);
            long[] sizes = new long[RANK_MAX];
            int count = 0;
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                require(parser.currentToken() == JsonToken.VALUE_NUMBER_INT && count < RANK_MAX, problem);
                require(parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER, problem);
                sizes[count] = parser.getLongValue();
                require(sizes[count] >= 0, problem);
                count++;
            }
            return Arrays.copyOf(sizes, count);
        }

        private void require(boolean condition, String problem) {
            if (!condition) {
                throw new ModelFormatException(file + ": the header is wrong: " + problem + ".");
            }
        }
    }
}
