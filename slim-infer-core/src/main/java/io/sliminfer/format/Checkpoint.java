package io.sliminfer.format;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** The weights of a folder: one safetensors file, or several shards with an index. Opening reads headers only. Any thread. */
final class Checkpoint implements AutoCloseable {

    static final String SINGLE = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

    private static final long INDEX_BYTES_MAX = 100_000_000;

    /** Every shard costs a file handle; published models have at most a few hundred. */
    private static final int SHARDS_MAX = 4096;

    private final List<SafetensorsFile> files;
    private final Map<String, SafetensorsFile> fileOfTensor;

    private Checkpoint(List<SafetensorsFile> files, Map<String, SafetensorsFile> fileOfTensor) {
        this.files = files;
        this.fileOfTensor = fileOfTensor;
    }

    /**
     * @throws ModelFormatException if the folder has no safetensors, or a file or the index is wrong
     */
    static Checkpoint open(Path folder) {
        Path single = folder.resolve(SINGLE);
        Path index = folder.resolve(INDEX);
        // As in transformers, a single file wins over an index beside it.
        Map<String, String> weightMap = Files.exists(single) ? Map.of() : readIndex(folder, index);
        List<SafetensorsFile> files = new ArrayList<>();
        try {
            if (weightMap.isEmpty()) {
                files.add(SafetensorsFile.open(single));
            } else {
                for (String shard : new LinkedHashSet<>(weightMap.values())) {
                    files.add(openShard(folder, shard));
                }
            }
            Map<String, SafetensorsFile> fileOfTensor = collect(files);
            checkIndex(weightMap, fileOfTensor);
            return new Checkpoint(files, fileOfTensor);
        } catch (RuntimeException e) {
            files.forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static SafetensorsFile openShard(Path folder, String shard) {
        // The index is untrusted: a name must not lead out of the folder.
        if (shard.isEmpty()
                || shard.equals(".")
                || shard.equals("..")
                || shard.chars().anyMatch(Checkpoint::isUnsafe)) {
            throw new ModelFormatException(INDEX + ": weight_map names the file \"" + shard
                    + "\"; plain names of files in the model's folder are allowed, without path.");
        }
        Path file = folder.resolve(shard);
        if (!Files.isRegularFile(file)) {
            throw new ModelFormatException(
                    INDEX + ": weight_map names " + shard + ", which is missing in " + folder + "; download it.");
        }
        return SafetensorsFile.open(file);
    }

    private static boolean isUnsafe(int character) {
        return character == '/' || character == '\\' || character == ':' || character < ' ';
    }

    private static Map<String, SafetensorsFile> collect(List<SafetensorsFile> files) {
        Map<String, SafetensorsFile> fileOfTensor = new HashMap<>();
        for (SafetensorsFile file : files) {
            for (String tensor : file.tensorNames()) {
                SafetensorsFile other = fileOfTensor.put(tensor, file);
                if (other != null) {
                    throw new ModelFormatException("tensor " + tensor + " is in both " + other.name() + " and "
                            + file.name() + "; one of the shards is not of this model.");
                }
            }
        }
        return fileOfTensor;
    }

    private static void checkIndex(Map<String, String> weightMap, Map<String, SafetensorsFile> fileOfTensor) {
        weightMap.forEach((tensor, shard) -> {
            SafetensorsFile file = fileOfTensor.get(tensor);
            if (file == null || !file.name().equals(shard)) {
                throw new ModelFormatException(INDEX + ": weight_map says that " + shard + " holds tensor " + tensor
                        + ", but it is " + (file == null ? "in no shard." : "in " + file.name() + "."));
            }
        });
    }

    private static Map<String, String> readIndex(Path folder, Path index) {
        if (!Files.exists(index)) {
            throw new ModelFormatException(
                    "neither " + SINGLE + " nor " + INDEX + " is in " + folder + otherWeights(folder) + ".");
        }
        Map<String, String> weightMap = new LinkedHashMap<>();
        try (JsonParser parser = Json.parser(Json.bytes(index, INDEX_BYTES_MAX))) {
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
            throw new ModelFormatException(INDEX + ": is not valid JSON: " + Json.where(e), e);
        }
        require(!weightMap.isEmpty(), "weight_map is missing or empty");
        int shards = Set.copyOf(weightMap.values()).size();
        require(shards <= SHARDS_MAX, "names " + shards + " shards; at most " + SHARDS_MAX + " are allowed");
        return weightMap;
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new ModelFormatException(INDEX + ": " + problem + ".");
        }
    }

    /** Says what else lies there, since people often have the right model in the wrong form. */
    private static String otherWeights(Path folder) {
        try (DirectoryStream<Path> others = Files.newDirectoryStream(folder, "*.{bin,pth,pt,gguf,safetensors,onnx}")) {
            for (Path other : others) {
                return " (found " + other.getFileName()
                        + "; supported is the safetensors form that is published with it)";
            }
        } catch (IOException e) {
            return " (" + e + ")";
        }
        return "";
    }

    Set<String> tensorNames() {
        return fileOfTensor.keySet();
    }

    boolean has(String tensor) {
        return fileOfTensor.containsKey(tensor);
    }

    /** The file that holds a tensor. */
    @Nullable
    SafetensorsFile file(String tensor) {
        return fileOfTensor.get(tensor);
    }

    /** Where a missing tensor should have been listed. */
    String listing() {
        return files.size() == 1 ? files.get(0).name() : INDEX;
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
