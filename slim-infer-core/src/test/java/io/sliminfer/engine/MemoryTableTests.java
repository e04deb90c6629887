package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.golden.Repository;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** The README's table of memory, from the sizes that an engine plans with. A failure prints the table as it should be. */
class MemoryTableTests {

    private static final int ANSWER_TOKENS = 1024;

    private static final double GB = 1e9;

    private record Shape(String name, ModelConfig config) {}

    private static Shape shape(String name, int layers, int hidden, int heads, int headDim, int inner, boolean tied) {
        return new Shape(
                name,
                new ModelFolderWriter("llama")
                        .config("num_hidden_layers", String.valueOf(layers))
                        .config("hidden_size", String.valueOf(hidden))
                        .config("num_attention_heads", String.valueOf(heads))
                        .config("num_key_value_heads", "8")
                        .config("head_dim", String.valueOf(headDim))
                        .config("intermediate_size", String.valueOf(inner))
                        .config("vocab_size", "128256")
                        .config("max_position_embeddings", "133120")
                        .config("tie_word_embeddings", String.valueOf(tied))
                        .model());
    }

    private static List<Shape> shapes() {
        return List.of(
                shape("Llama-3.2-1B", 16, 2048, 32, 64, 8192, true),
                shape("Llama-3.2-3B", 28, 3072, 24, 128, 8192, true),
                shape("Llama-3.1-8B", 32, 4096, 32, 128, 14336, false));
    }

    /** Matrices that are multiplied: a byte for each weight, a scale and an offset of 4 bytes for each output. */
    private static long int8Bytes(ModelConfig model) {
        long queryKeyValue = model.queryColumns() + 2L * model.kvColumns();
        long layer = queryKeyValue * (model.hidden() + 8)
                + model.hidden() * (model.queryColumns() + 8L)
                + 2L * model.intermediate() * (model.hidden() + 8)
                + model.hidden() * (model.intermediate() + 8L);
        return model.layers() * layer + model.vocabulary() * (model.hidden() + 8L);
    }

    private static long kvBytes(ModelConfig model, MemoryPlan memory, PruneSchedule schedule, int tokens) {
        PrunePlan plan = PrunePlan.of(schedule, tokens, model.layers());
        long slots = 0;
        for (int layer = 0; layer < model.layers(); layer++) {
            long stored = plan.stageOf(layer).liveTokens() + (long) ANSWER_TOKENS;
            slots += (stored + memory.slotBlock() - 1) / memory.slotBlock();
        }
        return slots * memory.slotBytes();
    }

    private static String row(Shape shape, int tokens) {
        ModelConfig model = shape.config;
        EngineSettings settings = new EngineSettings(
                null,
                new BackendSettings(DType.F32, 0),
                PruneSettings.defaults(),
                tokens,
                new KvSettings(
                        0,
                        KvType.BF16,
                        0,
                        null,
                        0,
                        KvSettings.PREFETCH_LAYERS_DEFAULT,
                        KvSettings.SWAP_THRESHOLD_DEFAULT),
                ServingSettings.of(1, 1),
                0);
        MemoryPlan memory = MemoryPlan.of(model, new DeviceInfo("cpu", "a CPU", DType.F32, 1L << 40), settings, 64);
        long parameters;
        try (ModelFolder folder = ModelFolder.random(shape.name, model, 1)) {
            parameters = folder.parameters();
        }
        double int8 = int8Bytes(model);
        double dense = kvBytes(model, memory, PruneSchedule.dense(), tokens);
        double pruned = kvBytes(model, memory, DefaultSchedule.of(model.layers()), tokens);
        double work = memory.workspaceBytes();
        return String.format(
                Locale.ROOT,
                "| %s, %dK | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |",
                shape.name,
                tokens / 1024,
                2 * parameters / GB,
                int8 / GB,
                dense / GB,
                pruned / GB,
                work / GB,
                (int8 + pruned + work) / GB);
    }

    @Test
    void theReadmeHasTheSizesThatAnEnginePlansWith() throws IOException {
        List<String> rows = new ArrayList<>();
        for (Shape shape : shapes()) {
            for (int tokens : new int[] {8192, 32768, 131072}) {
                rows.add(row(shape, tokens));
            }
        }
        assertThat(Files.readString(Repository.root().resolve("README.md")))
                .as("the table is\n" + String.join("\n", rows))
                .contains(String.join("\n", rows));
    }
}
