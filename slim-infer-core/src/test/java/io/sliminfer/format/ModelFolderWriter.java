package io.sliminfer.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Writes model folders of a few kilobytes with seeded random weights for tests. */
public final class ModelFolderWriter {

    private static final JsonMapper MAPPER = new JsonMapper();
    private static final float WEIGHT_SCALE = 0.2f;

    private final ObjectNode config = MAPPER.createObjectNode();
    private final Map<String, String> files = new LinkedHashMap<>();
    private DType dtype = DType.F32;
    private int shards = 1;
    private long seed;
    private UnaryOperator<SafetensorsWriter> change = UnaryOperator.identity();

    /** A model of 2 layers, hidden size 16, 4 query and 2 KV heads of 4, FFN 24, vocabulary 32. */
    public ModelFolderWriter(String modelType) {
        config("model_type", "\"" + modelType + "\"");
        config("vocab_size", "32");
        config("hidden_size", "16");
        config("intermediate_size", "24");
        config("num_hidden_layers", "2");
        config("num_attention_heads", "4");
        config("num_key_value_heads", "2");
        config("head_dim", "4");
        config("max_position_embeddings", "4096");
        config("eos_token_id", "2");
        config("rms_norm_eps", "1e-5");
    }

    /** Sets a field of {@code config.json} to a JSON value. */
    public ModelFolderWriter config(String field, String json) {
        config.set(field, MAPPER.readTree(json));
        return this;
    }

    /** Takes a field out of {@code config.json}. */
    public ModelFolderWriter without(String field) {
        config.remove(field);
        return this;
    }

    /** Adds a text file. */
    public ModelFolderWriter file(String name, String text) {
        files.put(name, text);
        return this;
    }

    public ModelFolderWriter dtype(DType weights) {
        dtype = weights;
        return this;
    }

    /** Other seeds give other weights. */
    public ModelFolderWriter seed(long weights) {
        seed = weights;
        return this;
    }

    /** Writes this many shards and an index, instead of one file. */
    public ModelFolderWriter shards(int count) {
        shards = count;
        return this;
    }

    /** Changes the tensors before they are written; with one shard only. */
    public ModelFolderWriter tensors(UnaryOperator<SafetensorsWriter> changed) {
        change = changed;
        return this;
    }

    /** {@code config.json} as it will be written. */
    public JsonNode config() {
        return config;
    }

    /** What {@code config.json} says. */
    public ModelConfig model() {
        return ConfigReader.read(new JsonFields("config.json", "", config), null);
    }

    /** Writes the folder; weights are those that config.json asks for. */
    public Path write(Path folder) {
        try {
            Files.createDirectories(folder);
            writeConfig(folder);
            writeWeights(folder, ExpectedTensor.of(model()));
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes {@code config.json} and the text files alone: for folders that must be refused before weights are looked at. */
    public Path writeConfig(Path folder) {
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("config.json"), config.toString());
            for (Map.Entry<String, String> file : files.entrySet()) {
                Files.createDirectories(folder.resolve(file.getKey()).getParent());
                Files.writeString(folder.resolve(file.getKey()), file.getValue());
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void writeWeights(Path folder, List<ExpectedTensor> tensors) throws IOException {
        List<SafetensorsWriter> writers = new ArrayList<>();
        Map<String, String> weightMap = new LinkedHashMap<>();
        for (int i = 0; i < shards; i++) {
            writers.add(new SafetensorsWriter());
        }
        for (int i = 0; i < tensors.size(); i++) {
            int shard = i * shards / tensors.size();
            addTo(writers.get(shard), tensors.get(i), 1000 * seed + i);
            weightMap.put(tensors.get(i).name(), shardName(shard));
        }
        if (shards == 1) {
            change.apply(writers.get(0)).write(folder.resolve(Checkpoint.SINGLE));
            return;
        }
        for (int i = 0; i < shards; i++) {
            writers.get(i).write(folder.resolve(shardName(i)));
        }
        Files.writeString(
                folder.resolve(Checkpoint.INDEX),
                MAPPER.writeValueAsString(Map.of("metadata", Map.of(), "weight_map", weightMap)));
    }

    private void addTo(SafetensorsWriter writer, ExpectedTensor tensor, long tensorSeed) {
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        boolean isGain = tensor.name().endsWith("norm.weight");
        if (isGain) {
            float[] ones = new float[(int) shape[0]];
            Arrays.fill(ones, 1);
            writer.add(tensor.name(), dtype, shape, ones);
        } else {
            writer.addRandom(tensor.name(), dtype, tensorSeed, WEIGHT_SCALE, shape);
        }
    }

    /** Name of a shard, counted from 0. */
    public String shardName(int shard) {
        return String.format("model-%05d-of-%05d.safetensors", shard + 1, shards);
    }
}
