package io.sliminfer.format;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tensors of a model in one GGUF file, or in all parts of a split one. Any thread. */
final class GgufCheckpoint implements ModelTensors {

    /** Factors by which frequencies of the rotary embedding are divided; not a weight. */
    static final String ROPE_FACTORS = "rope_freqs.weight";

    private static final Pattern SPLIT = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
    private static final int SPLITS_MAX = 4096;
    private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d{1,6})\\.(.+)\\.(weight|bias)");

    private static final Map<String, String> NAMES = Map.of(
            "token_embd.weight",
            ExpectedTensor.EMBEDDING,
            "output.weight",
            ExpectedTensor.OUTPUT_HEAD,
            "output_norm.weight",
            "model.norm.weight");

    private static final Map<String, String> BLOCK_NAMES = Map.ofEntries(
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("attn_q_norm", "self_attn.q_norm"),
            Map.entry("attn_k_norm", "self_attn.k_norm"),
            Map.entry("ffn_norm", "post_attention_layernorm"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"));

    /** A tensor and its file. */
    private record Place(GgufFile file, String name) {}

    private final List<GgufFile> files;
    private final Map<String, Place> places;

    private GgufCheckpoint(List<GgufFile> files, Map<String, Place> places) {
        this.files = files;
        this.places = places;
    }

    /**
     * @param path the file, or any part of a split one
     * @throws ModelFormatException if a file is missing or wrong
     */
    static GgufCheckpoint open(Path path) {
        List<GgufFile> files = new ArrayList<>();
        try {
            for (Path part : parts(path)) {
                files.add(GgufFile.open(part));
            }
            checkSplit(files);
            Map<String, Place> places = new HashMap<>();
            for (GgufFile file : files) {
                for (String tensor : file.tensorNames()) {
                    Place other = places.put(hubName(tensor), new Place(file, tensor));
                    if (other != null) {
                        throw new ModelFormatException("tensor " + tensor + " is in both " + other.file.name() + " and "
                                + file.name() + "; one of the parts is not of this model.");
                    }
                }
            }
            return new GgufCheckpoint(files, places);
        } catch (RuntimeException e) {
            files.forEach(GgufFile::close);
            throw e;
        }
    }

    private static List<Path> parts(Path path) {
        Matcher split = SPLIT.matcher(Json.fileName(path));
        if (!split.matches()) {
            return List.of(path);
        }
        int count = Integer.parseInt(split.group(3));
        if (count < 1 || count > SPLITS_MAX) {
            throw new ModelFormatException(
                    Json.fileName(path) + ": names " + count + " parts; 1 to " + SPLITS_MAX + " are allowed.");
        }
        List<Path> parts = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            Path part = path.resolveSibling("%s-%05d-of-%05d.gguf".formatted(split.group(1), i, count));
            if (!Files.isRegularFile(part)) {
                throw new ModelFormatException(Json.fileName(part) + " is missing in "
                        + path.toAbsolutePath().getParent() + ": the model is split into " + count
                        + " files; download all of them.");
            }
            parts.add(part);
        }
        return parts;
    }

    private static void checkSplit(List<GgufFile> files) {
        int tensors = 0;
        for (int i = 0; i < files.size(); i++) {
            GgufMetadata metadata = files.get(i).metadata();
            int count = metadata.integer("split.count", 1, 0, SPLITS_MAX);
            if (Math.max(1, count) != files.size()) {
                throw metadata.wrong(
                        "split.count",
                        files.size() > 1
                                ? "the name says that there are " + files.size() + " parts"
                                : "parts are found by names such as model-00001-of-00002.gguf; rename them as they were");
            }
            if (files.size() > 1 && metadata.integer("split.no", -1, -1, SPLITS_MAX) != i) {
                throw metadata.wrong("split.no", i + " is expected of this part (they count from 0)");
            }
            tensors += files.get(i).tensorNames().size();
        }
        GgufMetadata first = files.get(0).metadata();
        if (first.integer("split.tensors.count", tensors, 0, Integer.MAX_VALUE) != tensors) {
            throw first.wrong("split.tensors.count", "the parts have " + tensors + " tensors: one is of another model");
        }
    }

    /** Hugging Face's name of a tensor, or the file's where there is none. */
    private static String hubName(String name) {
        Matcher block = BLOCK.matcher(name);
        if (block.matches() && BLOCK_NAMES.containsKey(block.group(2))) {
            return "model.layers." + Integer.parseInt(block.group(1)) + "." + BLOCK_NAMES.get(block.group(2)) + "."
                    + block.group(3);
        }
        return NAMES.getOrDefault(name, name);
    }

    GgufMetadata metadata() {
        return files.get(0).metadata();
    }

    /** {@link #ROPE_FACTORS}, if there. */
    Optional<TensorSource> ropeFactors() {
        Place place = places.get(ROPE_FACTORS);
        return place == null
                ? Optional.empty()
                : Optional.of(place.file.tensor(ROPE_FACTORS, place.name, RowOrder.SAME));
    }

    @Override
    public Set<String> tensorNames() {
        Set<String> names = new TreeSet<>(places.keySet());
        names.remove(ROPE_FACTORS);
        return names;
    }

    @Override
    public boolean has(String tensor) {
        return places.containsKey(tensor);
    }

    private Place placeOf(String tensor) {
        Place place = places.get(tensor);
        if (place == null) {
            throw new ModelFormatException(listing() + ": has no tensor " + tensor + ".");
        }
        return place;
    }

    @Override
    public List<Long> shape(String tensor) {
        Place place = placeOf(tensor);
        return place.file.entry(place.name).shape();
    }

    @Override
    public TensorSource tensor(String tensor) {
        Place place = placeOf(tensor);
        return place.file.tensor(tensor, place.name, rowOrder(tensor));
    }

    private RowOrder rowOrder(String tensor) {
        boolean rotated = tensor.contains(".self_attn.q_proj.") || tensor.contains(".self_attn.k_proj.");
        return rotated && GgufConfig.pairsRows(metadata())
                ? new RowOrder(GgufConfig.headDim(metadata()))
                : RowOrder.SAME;
    }

    @Override
    public String place(String tensor) {
        Place place = placeOf(tensor);
        return place.file.name() + ": tensor " + place.name;
    }

    @Override
    public String listing() {
        return files.get(0).name();
    }

    @Override
    public String description() {
        return "its metadata";
    }

    @Override
    public List<String> quantisedTypes() {
        Set<GgufType> types = new TreeSet<>();
        places.values().forEach(place -> types.add(place.file.entry(place.name).type()));
        return types.stream().filter(GgufType::isQuantised).map(GgufType::name).toList();
    }

    @Override
    public void identify(MessageDigest digest) {
        files.forEach(file -> file.identify(digest));
    }

    @Override
    public void close() {
        files.forEach(GgufFile::close);
    }
}
