package io.sliminfer.format;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The weights of a folder: one safetensors file, or several shards with an index. Opening reads headers only. Any thread. */
final class Checkpoint implements ModelTensors {

    static final String SINGLE = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

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
        if (!Files.exists(single) && !Files.exists(index)) {
            throw new ModelFormatException(
                    "neither " + SINGLE + " nor " + INDEX + " is in " + folder + otherWeights(folder) + ".");
        }
        List<SafetensorsFile> files = new ArrayList<>();
        try {
            // As in transformers, a single file wins over an index beside it.
            if (Files.exists(single)) {
                files.add(SafetensorsFile.open(single));
                return new Checkpoint(files, collect(files));
            }
            ShardIndex weights = ShardIndex.read(index);
            for (String shard : weights.shards()) {
                files.add(openShard(folder, shard));
            }
            Map<String, SafetensorsFile> fileOfTensor = collect(files);
            checkIndex(weights, fileOfTensor);
            return new Checkpoint(files, fileOfTensor);
        } catch (RuntimeException e) {
            files.forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static SafetensorsFile openShard(Path folder, String shard) {
        Path file = folder.resolve(shard);
        if (!Files.isRegularFile(file)) {
            throw new ModelFormatException(
                    INDEX + ": weight_map names " + shard + ", which is missing in " + folder + "; download it.");
        }
        return SafetensorsFile.open(file);
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

    private static void checkIndex(ShardIndex index, Map<String, SafetensorsFile> fileOfTensor) {
        index.shardOfTensor().forEach((tensor, shard) -> {
            SafetensorsFile file = fileOfTensor.get(tensor);
            if (file == null || !file.name().equals(shard)) {
                throw new ModelFormatException(INDEX + ": weight_map says that " + shard + " holds tensor " + tensor
                        + ", but it is " + (file == null ? "in no shard." : "in " + file.name() + "."));
            }
        });
    }

    /** Says what else lies there, since people often have the right model in the wrong form. */
    private static String otherWeights(Path folder) {
        try (DirectoryStream<Path> others = Files.newDirectoryStream(folder, "*.{bin,pth,pt,gguf,safetensors,onnx}")) {
            for (Path other : others) {
                boolean gguf = ModelFolder.isGguf(other);
                return " (found " + other.getFileName()
                        + (gguf
                                ? "; give the path of that file itself)"
                                : "; supported is the safetensors form that is published with it)");
            }
        } catch (IOException e) {
            return " (" + e + ")";
        }
        return "";
    }

    @Override
    public Set<String> tensorNames() {
        return fileOfTensor.keySet();
    }

    @Override
    public boolean has(String tensor) {
        return fileOfTensor.containsKey(tensor);
    }

    private SafetensorsFile fileOf(String tensor) {
        SafetensorsFile file = fileOfTensor.get(tensor);
        if (file == null) {
            throw new ModelFormatException(listing() + ": has no tensor " + tensor + ".");
        }
        return file;
    }

    @Override
    public List<Long> shape(String tensor) {
        return fileOf(tensor).shape(tensor);
    }

    @Override
    public TensorSource tensor(String tensor) {
        return fileOf(tensor).tensor(tensor);
    }

    @Override
    public String place(String tensor) {
        return fileOf(tensor).name() + ": tensor " + tensor;
    }

    @Override
    public String listing() {
        return files.size() == 1 ? files.get(0).name() : INDEX;
    }

    @Override
    public String description() {
        return "config.json";
    }

    @Override
    public List<String> quantisedTypes() {
        return List.of();
    }

    @Override
    public void identify(MessageDigest digest) {
        files.forEach(file -> file.identify(digest));
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
