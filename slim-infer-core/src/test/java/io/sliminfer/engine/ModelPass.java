package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.kv.SlotPool;
import io.sliminfer.model.ModelWeights;
import io.sliminfer.model.Transformer;
import io.sliminfer.model.Workspace;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** A model on a backend without the engine's thread: one prompt at a time, with its logits. */
public final class ModelPass implements AutoCloseable {

    /** Tokens in a KV slot; not the schedules' block size, which need not be the same. */
    private static final int SLOT_BLOCK = 64;

    private final ModelFolder folder;
    private final Backend backend;
    private final SlotPool slots;
    private final ModelRunner runner;

    /**
     * @param logits     of the last prompt position
     * @param keptBlocks blocks live in each stage, stage 0 first
     * @param greedy     generated ids
     */
    public record Result(float[] logits, List<List<Integer>> keptBlocks, int[] greedy) {}

    private ModelPass(ModelFolder folder, Backend backend, KvType kvType, int tokensMax, int tile) {
        this.folder = folder;
        this.backend = backend;
        ModelConfig model = folder.config();
        ModelWeights weights = ModelWeights.load(backend, folder, tokensMax + 64);
        Workspace space = new Workspace(backend, model, tokensMax, tile);
        int count = model.layers() * (tokensMax / SLOT_BLOCK + 3);
        KvPool pool = backend.allocateKv(count, SLOT_BLOCK, model.kvHeads(), model.headDim(), kvType);
        slots = new SlotPool(count);
        runner = new ModelRunner(backend, model, new Transformer(backend, model, weights, space), space, pool, 2);
    }

    /**
     * @param backend name of a provider
     * @param tile    rows of a prefill tile
     */
    public static ModelPass open(Path folder, String backend, DType compute, int threads, int tokensMax, int tile) {
        return open(folder, backend, compute, KvType.of(compute), threads, tokensMax, tile);
    }

    /** The same with a KV cache of another type than the compute dtype. */
    public static ModelPass open(
            Path folder, String backend, DType compute, KvType kvType, int threads, int tokensMax, int tile) {
        return new ModelPass(
                ModelFolder.open(folder),
                Backends.choose(backend).open(new BackendSettings(compute, threads)),
                kvType,
                tokensMax,
                tile);
    }

    /** Prefills and decodes greedily; end-of-sequence is not obeyed. */
    public Result run(int[] prompt, PruneSchedule schedule, int maxTokens) {
        ModelConfig model = folder.config();
        PrunePlan plan = PrunePlan.of(schedule, prompt.length, model.layers());
        GenerationRequest request = new GenerationRequest(prompt, Sampling.GREEDY, maxTokens, Set.of(), schedule);
        Sequence sequence = new Sequence(request, plan, model, SLOT_BLOCK, null, () -> {});
        sequence.assign(slots.take(sequence.slotsNeeded), SLOT_BLOCK);
        try {
            runner.prefill(sequence, model.layers());
            float[] logits = runner.promptLogits(sequence).clone();
            int[] greedy = new int[maxTokens];
            greedy[0] = sequence.sampler.next(logits.clone());
            for (int i = 1; i < maxTokens; i++) {
                sequence.generated = i;
                sequence.nextToken = greedy[i - 1];
                runner.decode(List.of(sequence));
                greedy[i] = sequence.sampler.next(runner.row(0));
            }
            return new Result(logits, sequence.keptBlocks, greedy);
        } finally {
            for (int[] table : sequence.slots) {
                slots.release(table);
            }
        }
    }

    @Override
    public void close() {
        backend.close();
        folder.close();
    }
}
