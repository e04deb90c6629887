package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model: a folder as published on Hugging Face ({@code config.json}, safetensors in one file or shards, tokenizer and template files),
 * or a GGUF file, which holds all of it. After {@link #open} every tensor of the forward pass is known to be there with the right
 * shape and a type that backends read; weights are mapped, not copied. Any thread.
 */
public final class ModelFolder implements AutoCloseable {

    private static final Logger LOGGER = LoggerFactory.getLogger(ModelFolder.class);

    private static final String CONFIG = "config.json";
    private static final String GENERATION_CONFIG = "generation_config.json";
    private static final String TOKENIZER = "tokenizer.json";
    private static final String GGUF_SUFFIX = ".gguf";
    private static final Pattern SNAPSHOT = Pattern.compile("/models--([^/]+)/snapshots/[0-9a-f]{40}$");
    private static final int IDENTITY_BYTES = 16;
    private static final long CONFIG_BYTES_MAX = 16 << 20;

    /** How much of the embedding table is compared at a time with a separate output head. */
    private static final int COMPARED_BYTES = 64 << 20;

    private final Path path;
    private final ModelConfig config;
    private final GenerationDefaults generationDefaults;
    private final TokenizerFiles tokenizerFiles;
    private final @Nullable ModelTensors checkpoint;
    private final @Nullable TokenizerJson tokenizer;
    /** Seed of weights that no file holds. */
    private final long seed;
    /** What matrices of such weights are, or null for numbers of the model's dtype. */
    private final @Nullable GgufType randomType;

    private final long parameters;

    private ModelFolder(
            Path path,
            ModelConfig config,
            GenerationDefaults generationDefaults,
            TokenizerFiles tokenizerFiles,
            @Nullable TokenizerJson tokenizer,
            @Nullable ModelTensors checkpoint,
            long seed,
            @Nullable GgufType randomType,
            long parameters) {
        this.path = path;
        this.config = config;
        this.generationDefaults = generationDefaults;
        this.tokenizerFiles = tokenizerFiles;
        this.tokenizer = tokenizer;
        this.checkpoint = checkpoint;
        this.seed = seed;
        this.randomType = randomType;
        this.parameters = parameters;
    }

    /**
     * Reads the small files, refuses what is not supported, then maps the weights and checks their headers. No weight is read,
     * with one exception: a model with tied embeddings that also stores an output head has the two compared, because it is
     * tied only if they are equal.
     *
     * @throws ModelFormatException naming the file, the field or tensor, what was found and what is supported
     */
    public static ModelFolder open(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        if (Files.isRegularFile(absolute) && isGguf(absolute)) {
            return openGguf(absolute);
        }
        if (!Files.isDirectory(absolute)) {
            throw new ModelFormatException(path + (Files.exists(path) ? " is a file" : " does not exist")
                    + "; the folder of a model is expected, with config.json, model.safetensors and tokenizer.json,"
                    + " or a GGUF file.");
        }
        return openFolder(absolute);
    }

    /** Whether a path has the name of a GGUF file. */
    public static boolean isGguf(Path path) {
        return Json.fileName(path).toLowerCase(Locale.ROOT).endsWith(GGUF_SUFFIX);
    }

    private static ModelFolder openFolder(Path path) {
        @Nullable JsonFields generationFields = generationFields(path);
        ModelConfig stated = readConfig(path, generationFields);
        GenerationDefaults defaults =
                generationFields == null ? GenerationDefaults.NONE : GenerationDefaults.read(generationFields);
        TokenizerFiles tokenizerFiles = TokenizerFiles.read(path);
        Path tokenizer = path.resolve(TOKENIZER);
        return checked(
                path,
                stated,
                defaults,
                tokenizerFiles,
                Files.isRegularFile(tokenizer)
                        ? new TokenizerJson(tokenizer.toString(), () -> Json.text(tokenizer))
                        : null,
                Checkpoint.open(path));
    }

    private static ModelFolder openGguf(Path path) {
        GgufCheckpoint checkpoint = GgufCheckpoint.open(path);
        try {
            GgufMetadata metadata = checkpoint.metadata();
            if (!GgufTokenizer.isIn(metadata)) {
                return checked(
                        path,
                        GgufConfig.read(checkpoint, Set.of()),
                        GenerationDefaults.NONE,
                        new TokenizerFiles(Map.of(), Map.of()),
                        null,
                        checkpoint);
            }
            GgufTokenizer tokenizer = GgufTokenizer.read(metadata);
            // The vocabulary is read again when the document is wanted, instead of being kept.
            return checked(
                    path,
                    GgufConfig.read(checkpoint, tokenizer.endOfSequence()),
                    GenerationDefaults.NONE,
                    tokenizer.templates(),
                    new TokenizerJson(
                            path.toString(), () -> GgufTokenizer.read(metadata).json()),
                    checkpoint);
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    /** Owns the tensors from here on. */
    private static ModelFolder checked(
            Path path,
            ModelConfig stated,
            GenerationDefaults defaults,
            TokenizerFiles tokenizerFiles,
            @Nullable TokenizerJson tokenizer,
            ModelTensors checkpoint) {
        try {
            List<ExpectedTensor> expected = ExpectedTensor.of(stated);
            check(checkpoint, expected);
            boolean tied = stated.tiedEmbeddings() && isHeadTied(checkpoint, stated);
            ModelConfig config = withFileFacts(stated, tied, mostUsedDType(checkpoint, expected));
            List<ExpectedTensor> used = ExpectedTensor.of(config);
            warnOfUnused(checkpoint, used);
            long parameters = used.stream().mapToLong(ModelFolder::elements).sum();
            return new ModelFolder(path, config, defaults, tokenizerFiles, tokenizer, checkpoint, 0, null, parameters);
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    /**
     * Reads and checks {@code config.json} alone; the weights need not be there. Whether embeddings are tied and the dtype are what the
     * file says until the tensors are known.
     *
     * @throws ModelFormatException naming the field, its value and what is supported
     */
    public static ModelConfig readConfig(Path folder) {
        return readConfig(folder, generationFields(folder));
    }

    private static ModelConfig readConfig(Path folder, @Nullable JsonFields generationFields) {
        return ConfigReader.read(Json.readObject(folder.resolve(CONFIG), CONFIG_BYTES_MAX), generationFields);
    }

    private static @Nullable JsonFields generationFields(Path folder) {
        Path file = folder.resolve(GENERATION_CONFIG);
        return Files.exists(file) ? Json.readObject(file, CONFIG_BYTES_MAX) : null;
    }

    /**
     * A model of a given shape with seeded random weights that no file holds: for measuring speed at sizes that would take long to
     * write and to read. It has no tokenizer.
     *
     * @param name what logs and results call it
     */
    public static ModelFolder random(String name, ModelConfig config, long seed) {
        return random(name, config, seed, null);
    }

    /**
     * The same with matrices in GGUF's blocks.
     *
     * @param type Q8_0, Q4_0, Q4_K or Q6_K; null for numbers of the model's dtype
     * @throws IllegalArgumentException if there are no random blocks of the type, or rows of a matrix are not whole blocks
     */
    public static ModelFolder random(String name, ModelConfig config, long seed, @Nullable GgufType type) {
        long parameters = ExpectedTensor.of(config).stream()
                .mapToLong(ModelFolder::elements)
                .sum();
        ModelFolder model = new ModelFolder(
                Path.of(name),
                config,
                GenerationDefaults.NONE,
                new TokenizerFiles(Map.of(), Map.of()),
                null,
                null,
                seed,
                type,
                parameters);
        ExpectedTensor.of(config)
                .forEach(tensor -> model.tensor(tensor.name())); // refuses rows that are not whole blocks
        return model;
    }

    private static void check(ModelTensors checkpoint, List<ExpectedTensor> expected) {
        List<ExpectedTensor> missing = expected.stream()
                .filter(tensor -> !checkpoint.has(tensor.name()))
                .toList();
        if (!missing.isEmpty()) {
            ExpectedTensor first = missing.get(0);
            throw new ModelFormatException(checkpoint.listing() + ": tensor " + first.name() + " is missing"
                    + (missing.size() > 1 ? " (and " + (missing.size() - 1) + " more)" : "")
                    + "; " + checkpoint.description() + " asks for it with shape " + first.shape() + " ("
                    + first.sizes() + ").");
        }
        for (ExpectedTensor tensor : expected) {
            checkShape(checkpoint, tensor);
        }
    }

    private static void checkShape(ModelTensors checkpoint, ExpectedTensor tensor) {
        List<Long> shape = checkpoint.shape(tensor.name());
        if (!shape.equals(tensor.shape())) {
            throw new ModelFormatException(checkpoint.place(tensor.name()) + " has shape " + shape + "; "
                    + checkpoint.description() + " says " + tensor.shape() + " (" + tensor.sizes() + ").");
        }
        // Refuses other dtypes.
        checkpoint.tensor(tensor.name());
    }

    /**
     * Whether the output head is the embedding table. As in transformers, a head that the file stores besides counts if it
     * differs: then the flag in config.json is wrong.
     */
    private static boolean isHeadTied(ModelTensors checkpoint, ModelConfig config) {
        if (!checkpoint.has(ExpectedTensor.OUTPUT_HEAD)) {
            return true;
        }
        checkShape(
                checkpoint,
                new ExpectedTensor(
                        ExpectedTensor.OUTPUT_HEAD,
                        List.of((long) config.vocabulary(), (long) config.hidden()),
                        "vocab_size=" + config.vocabulary() + ", hidden_size=" + config.hidden()));
        TensorSource embedding = checkpoint.tensor(ExpectedTensor.EMBEDDING);
        TensorSource head = checkpoint.tensor(ExpectedTensor.OUTPUT_HEAD);
        boolean equal = head.dtype() == embedding.dtype() && haveEqualRows(head, embedding);
        if (!equal) {
            LOGGER.warn("config.json says tie_word_embeddings=true, but lm_head.weight differs from "
                    + "model.embed_tokens.weight: the model runs with its own output head");
        }
        return equal;
    }

    private static boolean haveEqualRows(TensorSource a, TensorSource b) {
        long step = Math.max(1, COMPARED_BYTES / (a.columns() * a.dtype().bytes()));
        for (long row = 0; row < a.rows(); row += step) {
            long end = Math.min(a.rows(), row + step);
            ByteBuffer rows = a.rows(row, end);
            if (rows.mismatch(b.rows(row, end)) >= 0) {
                return false;
            }
        }
        return true;
    }

    private static DType mostUsedDType(ModelTensors checkpoint, List<ExpectedTensor> expected) {
        Map<DType, Long> elements = new EnumMap<>(DType.class);
        for (ExpectedTensor tensor : expected) {
            DType dtype = checkpoint.tensor(tensor.name()).dtype();
            elements.merge(dtype, elements(tensor), Long::sum);
        }
        return elements.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .orElseThrow()
                .getKey();
    }

    private static ModelConfig withFileFacts(ModelConfig config, boolean tiedEmbeddings, DType dtype) {
        return new ModelConfig(
                config.architecture(),
                config.vocabulary(),
                config.hidden(),
                config.intermediate(),
                config.layers(),
                config.heads(),
                config.kvHeads(),
                config.headDim(),
                config.normEpsilon(),
                config.rope(),
                config.attentionBias(),
                config.outputBias(),
                config.mlpBias(),
                config.qkNorm(),
                tiedEmbeddings,
                config.maxPositions(),
                config.endOfSequence(),
                dtype);
    }

    /** transformers leaves such tensors aside too, but they often mean that config.json is of another model. */
    private static void warnOfUnused(ModelTensors checkpoint, List<ExpectedTensor> used) {
        Set<String> unused = new HashSet<>(checkpoint.tensorNames());
        used.forEach(tensor -> unused.remove(tensor.name()));
        // Not used where it equals the embedding table, which isHeadTied has found out.
        unused.remove(ExpectedTensor.OUTPUT_HEAD);
        // Tables that old Llama checkpoints store and everyone computes.
        unused.removeIf(name -> name.endsWith(".rotary_emb.inv_freq"));
        if (!unused.isEmpty()) {
            LOGGER.warn(
                    "{}: {} gives no place to {} of its tensors, for example {}; they are not used",
                    checkpoint.listing(),
                    checkpoint.description(),
                    unused.size(),
                    unused.stream().sorted().findFirst().orElseThrow());
        }
    }

    private static long elements(ExpectedTensor tensor) {
        return tensor.shape().stream().reduce(1L, (a, b) -> a * b);
    }

    /** Absolute path of the folder or the GGUF file. */
    public Path path() {
        return path;
    }

    /**
     * Name of the folder, or of the GGUF file without its ending; of a snapshot in a Hugging Face cache {@code owner/name} of its model
     * instead of the commit.
     */
    public String name() {
        if (isGguf(path)) {
            String file = Json.fileName(path);
            return file.substring(0, file.length() - GGUF_SUFFIX.length());
        }
        Matcher snapshot = SNAPSHOT.matcher(path.toString().replace('\\', '/'));
        return snapshot.find() ? snapshot.group(1).replaceFirst("--", "/") : Json.fileName(path);
    }

    public ModelConfig config() {
        return config;
    }

    /** Whether the files hold a tensor of this name, used or not. */
    public boolean hasTensor(String name) {
        return checkpoint == null
                ? ExpectedTensor.of(config).stream()
                        .anyMatch(tensor -> tensor.name().equals(name))
                : checkpoint.has(name);
    }

    /**
     * A tensor by its name in the files, such as {@code model.layers.0.mlp.up_proj.weight}.
     *
     * @throws ModelFormatException if there is none, or it is not a vector or matrix of F32, F16 or BF16
     */
    public TensorSource tensor(String name) {
        return checkpoint == null ? randomTensor(name) : checkpoint.tensor(name);
    }

    /** Uniform values whose products with a vector keep its size; ones for gains. */
    private TensorSource randomTensor(String name) {
        ExpectedTensor tensor = ExpectedTensor.of(config).stream()
                .filter(candidate -> candidate.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new ModelFormatException(this.name() + ": has no tensor " + name + "."));
        List<Long> shape = tensor.shape();
        long own = seed ^ name.hashCode();
        if (shape.size() == 1) {
            return new RandomTensor(name, config.dtype(), 1, shape.get(0), own, 1, 0);
        }
        double deviation = 1 / Math.sqrt(shape.get(1));
        return randomType == null
                ? new RandomTensor(name, config.dtype(), shape.get(0), shape.get(1), own, 0, deviation)
                : new RandomBlocks(name, randomType, shape.get(0), shape.get(1), own, deviation);
    }

    /** What {@code generation_config.json} states; {@link GenerationDefaults#NONE} without the file. */
    public GenerationDefaults generationDefaults() {
        return generationDefaults;
    }

    /** {@code tokenizer.json}, or what a GGUF file says in its form, if there is one. */
    public Optional<TokenizerJson> tokenizer() {
        return Optional.ofNullable(tokenizer);
    }

    /** Names of quantised types whose tensors are decoded where they are read, such as {@code Q4_K}; empty if there are none. */
    public List<String> quantisedTypes() {
        if (checkpoint == null) {
            return randomType == null ? List.of() : List.of(randomType.name());
        }
        return checkpoint.quantisedTypes();
    }

    /** The usual chat template: {@code chatTemplates().get("default")}. */
    public Optional<String> chatTemplate() {
        return Optional.ofNullable(chatTemplates().get(TokenizerFiles.DEFAULT_TEMPLATE));
    }

    /**
     * Chat templates by name, from {@code chat_template.jinja} and {@code additional_chat_templates/}, or else from
     * {@code tokenizer_config.json}. Most models have {@code default} alone; some have {@code tool_use} too.
     */
    public Map<String, String> chatTemplates() {
        return tokenizerFiles.chatTemplates();
    }

    /** Text of {@code bos_token}, {@code eos_token}, {@code pad_token}, {@code unk_token} and the like, where stated. */
    public Map<String, String> specialTokens() {
        return tokenizerFiles.specialTokens();
    }

    /** Weights that the forward pass uses; a tied output head counts once. */
    public long parameters() {
        return parameters;
    }

    /**
     * What tells this model's weights from others, as 32 hexadecimal digits: of files from their names, sizes, times of modification and
     * the bytes at their ends, but not from where they are; of random weights from shapes, types and seed.
     *
     * @throws java.io.UncheckedIOException if a file cannot be read
     */
    public String identity() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
        if (checkpoint != null) {
            checkpoint.identify(digest);
        } else {
            String definition =
                    "random " + seed + " " + config.dtype() + " " + randomType + " " + ExpectedTensor.of(config);
            digest.update(definition.getBytes(StandardCharsets.UTF_8));
        }
        return HexFormat.of().formatHex(digest.digest(), 0, IDENTITY_BYTES);
    }

    /** Gives the files back; views of tensors handed out before stay readable until they are unreachable. Twice is allowed. */
    @Override
    public void close() {
        if (checkpoint != null) {
            checkpoint.close();
        }
    }
}
