package io.sliminfer.format;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * {@code model.safetensors.index.json}: which file holds which tensor. Names of files are plain: none leads out of the folder.
 *
 * @param shardOfTensor in the order of the file
 */
public record ShardIndex(Map<String, String> shardOfTensor) {

    private static final String NAME = Checkpoint.INDEX;

    private static final long BYTES_MAX = 100_000_000;

    /** Every shard costs a file handle; published models have at most a few hundred. */
    private static final int SHARDS_MAX = 4096;

    /**
     * @throws ModelFormatException if the file is missing or wrong
     */
    public static ShardIndex read(Path index) {
        Map<String, String> weightMap = new LinkedHashMap<>();
        try (JsonParser parser = Json.parser(Json.bytes(index, BYTES_MAX))) {
            require(parser.nextToken() == JsonToken.START_OBJECT, "holds no JSON object");
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                boolean isMap = parser.currentName().equals("weight_map");
                JsonToken value = parser.nextToken();
                if (!isMap) {
                    parser.skipChildren();
                    continue;
                }
                require(weightMap.isEmpty(), "has weight_map twice");
                require(value == JsonToken.START_OBJECT, "weight_map is not an object of file names");
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String tensor = parser.currentName();
                    require(parser.nextToken() == JsonToken.VALUE_STRING, "weight_map is not an object of file names");
                    require(weightMap.put(tensor, parser.getString()) == null, "weight_map names " + tensor + " twice");
                }
            }
        } catch (JacksonException e) {
            throw new ModelFormatException(NAME + ": is not valid JSON: " + Json.where(e), e);
        }
        require(!weightMap.isEmpty(), "weight_map is missing or empty");
        ShardIndex read = new ShardIndex(Collections.unmodifiableMap(weightMap));
        Set<String> shards = read.shards();
        require(
                shards.size() <= SHARDS_MAX,
                "names " + shards.size() + " shards; at most " + SHARDS_MAX + " are allowed");
        shards.forEach(ShardIndex::checkPlain);
        return read;
    }

    private static void checkPlain(String shard) {
        // The index is untrusted: a name must not lead out of the folder.
        if (shard.isEmpty()
                || shard.equals(".")
                || shard.equals("..")
                || shard.chars().anyMatch(ShardIndex::isUnsafe)) {
            throw new ModelFormatException(NAME + ": weight_map names the file \"" + shard
                    + "\"; plain names of files in the model's folder are allowed, without path.");
        }
    }

    private static boolean isUnsafe(int character) {
        return character == '/' || character == '\\' || character == ':' || character < ' ';
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new ModelFormatException(NAME + ": " + problem + ".");
        }
    }

    /** Names of the files, in the order of their first tensors. */
    public Set<String> shards() {
        return new LinkedHashSet<>(shardOfTensor.values());
    }
}
