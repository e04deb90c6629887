package io.sliminfer.format;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Key-value pairs of a GGUF file with their types and ranges checked where they are asked for. Texts and arrays stay in the file
 * until then, so that what a damaged file says costs no memory.
 */
final class GgufMetadata {

    // Types of values (docs/gguf.md of ggml).
    private static final int UINT8 = 0;
    private static final int INT8 = 1;
    private static final int UINT16 = 2;
    private static final int INT16 = 3;
    private static final int UINT32 = 4;
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;
    private static final int UINT64 = 10;
    private static final int INT64 = 11;
    private static final int FLOAT64 = 12;

    private static final int PAIRS_MAX = 100_000;
    private static final int KEY_BYTES_MAX = 1 << 16;
    private static final int TEXT_BYTES_MAX = 64 << 20;
    private static final int NESTING_MAX = 4;
    private static final int SHOWN_MAX = 100;

    private record Text(long position) {}

    private record Array(int type, long count, long position) {}

    private final String name;
    private final MappedFile file;
    private final Map<String, Object> values;

    private GgufMetadata(String name, MappedFile file, Map<String, Object> values) {
        this.name = name;
        this.file = file;
        this.values = values;
    }

    /** Reads {@code pairs} pairs at the cursor. */
    static GgufMetadata read(String name, MappedFile file, GgufCursor in, long pairs) {
        if (pairs < 0 || pairs > PAIRS_MAX) {
            throw new ModelFormatException(name + ": says that it has " + Long.toUnsignedString(pairs)
                    + " metadata pairs; at most " + PAIRS_MAX + " are allowed. The file is damaged or no GGUF file.");
        }
        Map<String, Object> values = new LinkedHashMap<>();
        for (long i = 0; i < pairs; i++) {
            String key = in.text("a metadata key", KEY_BYTES_MAX);
            if (values.put(key, value(name, in, in.int32(key), key)) != null) {
                throw new ModelFormatException(name + ": has " + key + " twice. The file is damaged.");
            }
        }
        return new GgufMetadata(name, file, values);
    }

    private static Object value(String name, GgufCursor in, int type, String key) {
        return switch (type) {
            case UINT8 -> (long) (in.int8(key) & 0xFF);
            case INT8 -> (long) in.int8(key);
            case UINT16 -> (long) (in.int16(key) & 0xFFFF);
            case INT16 -> (long) in.int16(key);
            case UINT32 -> in.int32(key) & 0xFFFFFFFFL;
            case INT32 -> (long) in.int32(key);
            case UINT64, INT64 -> in.int64(key);
            case FLOAT32 -> (double) Float.intBitsToFloat(in.int32(key));
            case FLOAT64 -> Double.longBitsToDouble(in.int64(key));
            case BOOL -> in.int8(key) != 0;
            case STRING -> {
                Text text = new Text(in.position());
                skipText(in, key);
                yield text;
            }
            case ARRAY -> array(name, in, key, 1);
            default -> throw unknownType(name, key, type);
        };
    }

    private static ModelFormatException unknownType(String name, String key, int type) {
        return new ModelFormatException(name + ": " + key + " has a value of type " + type
                + ", which GGUF does not know. The file is damaged, or newer than this reader.");
    }

    private static void skipText(GgufCursor in, String key) {
        in.skip(in.count("the length of " + key, TEXT_BYTES_MAX), key);
    }

    private static Array array(String name, GgufCursor in, String key, int depth) {
        int type = in.int32(key);
        long count = in.count("the length of " + key, Integer.MAX_VALUE);
        Array array = new Array(type, count, in.position());
        int bytes = bytes(type);
        if (bytes > 0) {
            in.skip(count * bytes, key);
        } else if (type == STRING) {
            for (long i = 0; i < count; i++) {
                skipText(in, key);
            }
        } else if (type == ARRAY && depth < NESTING_MAX) {
            for (long i = 0; i < count; i++) {
                array(name, in, key, depth + 1);
            }
        } else {
            throw unknownType(name, key, type);
        }
        return array;
    }

    /** Bytes of a value of fixed size, or 0. */
    private static int bytes(int type) {
        return switch (type) {
            case UINT8, INT8, BOOL -> 1;
            case UINT16, INT16 -> 2;
            case UINT32, INT32, FLOAT32 -> 4;
            case UINT64, INT64, FLOAT64 -> 8;
            default -> 0;
        };
    }

    String fileName() {
        return name;
    }

    boolean has(String key) {
        return values.containsKey(key);
    }

    Iterable<String> keys() {
        return values.keySet();
    }

    @Nullable
    String text(String key) {
        if (!has(key)) {
            return null;
        }
        if (values.get(key) instanceof Text text) {
            return new GgufCursor(name, file, text.position).text(key, TEXT_BYTES_MAX);
        }
        throw wrong(key, "a string is expected");
    }

    int integer(String key, int absent, int min, int max) {
        if (!has(key)) {
            return absent;
        }
        if (values.get(key) instanceof Long value && value >= min && value <= max) {
            return value.intValue();
        }
        throw wrong(key, "a whole number from " + min + " to " + max + " is expected");
    }

    /** An integer that has to be there. */
    int integer(String key, int min, int max) {
        if (!has(key)) {
            throw wrong(key, "a whole number from " + min + " to " + max + " is expected");
        }
        return integer(key, 0, min, max);
    }

    /** As {@link #integer(String, int, int, int)}; an array of one number for each layer is taken if all are equal. */
    int integerOfLayers(String key, int absent, int min, int max) {
        if (!(values.get(key) instanceof Array array)) {
            return integer(key, absent, min, max);
        }
        List<Long> all = array.count > ConfigReader.LAYERS_MAX ? List.of() : integers(key);
        if (all.isEmpty() || all.stream().distinct().count() > 1 || all.get(0) < min || all.get(0) > max) {
            throw wrong(key, "a whole number from " + min + " to " + max + " is expected, the same for all layers");
        }
        return all.get(0).intValue();
    }

    /** A finite number. */
    double number(String key, double absent) {
        if (!has(key)) {
            return absent;
        }
        Object value = values.get(key);
        double number = value instanceof Double real ? real : value instanceof Long whole ? (double) whole : Double.NaN;
        if (!Double.isFinite(number)) {
            throw wrong(key, "a finite number is expected");
        }
        return number;
    }

    boolean flag(String key, boolean absent) {
        if (!has(key)) {
            return absent;
        }
        if (values.get(key) instanceof Boolean flag) {
            return flag;
        }
        throw wrong(key, "true or false is expected");
    }

    /** Number of elements of a list; 0 if absent. */
    long length(String key) {
        return values.get(key) instanceof Array array ? array.count : 0;
    }

    List<String> texts(String key) {
        Array array = array(key, "a list of strings is expected");
        if (array.type != STRING) {
            throw wrong(key, "a list of strings is expected");
        }
        GgufCursor in = new GgufCursor(name, file, array.position);
        List<String> texts = new ArrayList<>((int) array.count);
        for (long i = 0; i < array.count; i++) {
            texts.add(in.text(key, TEXT_BYTES_MAX));
        }
        return texts;
    }

    List<Long> integers(String key) {
        Array array = array(key, "a list of whole numbers is expected");
        boolean whole = bytes(array.type) > 0 && array.type != FLOAT32 && array.type != FLOAT64 && array.type != BOOL;
        if (!whole) {
            throw wrong(key, "a list of whole numbers is expected");
        }
        GgufCursor in = new GgufCursor(name, file, array.position);
        List<Long> integers = new ArrayList<>((int) array.count);
        for (long i = 0; i < array.count; i++) {
            integers.add((Long) value(name, in, array.type, key));
        }
        return integers;
    }

    List<Double> numbers(String key) {
        Array array = array(key, "a list of numbers is expected");
        if (array.type != FLOAT32 && array.type != FLOAT64) {
            throw wrong(key, "a list of numbers is expected");
        }
        GgufCursor in = new GgufCursor(name, file, array.position);
        List<Double> numbers = new ArrayList<>((int) array.count);
        for (long i = 0; i < array.count; i++) {
            numbers.add((Double) value(name, in, array.type, key));
        }
        return numbers;
    }

    private Array array(String key, String expected) {
        if (values.get(key) instanceof Array array) {
            return array;
        }
        throw wrong(key, expected);
    }

    /** An exception such as {@code tiny.gguf: llama.block_count is 0; a whole number from 1 to 4096 is expected.} */
    ModelFormatException wrong(String key, String rest) {
        return new ModelFormatException(name + ": " + key + " " + found(key) + "; " + rest + ".");
    }

    private String found(String key) {
        Object value = values.get(key);
        if (value == null) {
            return "is missing";
        }
        if (value instanceof Array array) {
            return "is a list of " + array.count;
        }
        if (value instanceof Text) {
            String text = text(key);
            return "is \"" + (text != null && text.length() > SHOWN_MAX ? text.substring(0, SHOWN_MAX) + "…" : text)
                    + '"';
        }
        return "is " + value;
    }
}
