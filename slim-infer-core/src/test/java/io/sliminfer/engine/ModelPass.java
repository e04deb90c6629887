package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.KvPool;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** A model on a backend without the engine's thread: one prompt at a time, with its logits. */
public final class ModelPass implements AutoCloseable {

    /** Tokens in a KV slot unless said otherwise; not the schedules' block size, which need not be the same. */
    private static final int SLOT_BLOCK = 64;

    private final ModelFolder folder;
    private final Backend backend;
    private final int slotBlock;
    private final SlotPool slots;
    private final ModelRunner runner;

    /**
     * @param logits     of the last prompt position
     * @param keptBlocks blocks live in each stage, stage 0 first
     * @param greedy     generated ids
     */
    public record Result(float[] logits, List<List<Integer>> keptBlocks, int[] greedy) {}

    /**
     * One decode step.
     *
     * @param logits after the step's token
     * @param active for each stage but the first, indexes of the prompt blocks that the token attended to
     */
    public record Step(float[] logits, List<List<Integer>> active) {}

    private ModelPass(ModelFolder folder, Backend backend, int tokensMax, int tile, int slotBlock, int batchMax) {
        this.folder = folder;
        this.slotBlock = slotBlock;
        this.backend = backend;
        ModelConfig model = folder.config();
        ModelWeights weights = ModelWeights.load(backend, folder, tokensMax + 64);
        Workspace space = new Workspace(backend, model, tokensMax, tile);
        int count = batchMax * model.layers() * ((tokensMax + 64) / slotBlock + 2);
        KvPool pool = backend.allocateKv(count, slotBlock, model.kvHeads(), model.headDim());
        slots = new SlotPool(count);
        runner =
                new ModelRunner(backend, model, new Transformer(backend, model, weights, space), space, pool, batchMax);
    }

    /**
     * @param backend name of a provider
     * @param tile    rows of a prefill tile
     */
    public static ModelPass open(Path folder, String backend, DType compute, int threads, int tokensMax, int tile) {
        return new ModelPass(
                ModelFolder.open(folder),
                Backends.choose(backend).open(new BackendSettings(compute, threads)),
                tokensMax,
                tile,
                SLOT_BLOCK,
                1);
    }

    /**
     * In float32.
     *
     * @param slotBlock tokens in a KV slot
     * @param batchMax  sequences that are decoded together
     */
    static ModelPass open(Path folder, String backend, int tokensMax, int tile, int slotBlock, int batchMax) {
        return new ModelPass(
                ModelFolder.open(folder),
                Backends.choose(backend).open(new BackendSettings(DType.F32, 0)),
                tokensMax,
                tile,
                slotBlock,
                batchMax);
    }

    /** Prefills and decodes greedily; end-of-sequence is not obeyed. */
    public Result run(int[] prompt, PruneSchedule schedule, int maxTokens) {
        ModelConfig model = folder.config();
        Sequence sequence = begin(prompt, schedule, maxTokens, EngineSettings.SWAP_THRESHOLD_DEFAULT);
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
            end(sequence);
        }
    }

    /** Prefills each prompt, then decodes the given tokens, the same for all, in one batch; gives the steps of each prompt. */
    List<List<Step>> follow(List<int[]> prompts, List<PruneSchedule> schedules, int[] tokens, double swapThreshold) {
        List<Sequence> batch = new ArrayList<>();
        List<List<Step>> steps = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            Sequence sequence = begin(prompts.get(i), schedules.get(i), tokens.length + 1, swapThreshold);
            runner.prefill(sequence, folder.config().layers());
            runner.promptLogits(sequence);
            batch.add(sequence);
            steps.add(new ArrayList<>());
        }
        for (int token : tokens) {
            for (Sequence sequence : batch) {
                sequence.generated++;
                sequence.nextToken = token;
            }
            runner.decode(batch);
            for (int i = 0; i < batch.size(); i++) {
                steps.get(i).add(new Step(runner.row(i).clone(), activeBlocks(batch.get(i))));
            }
        }
        batch.forEach(this::end);
        return steps;
    }

    private static List<List<Integer>> activeBlocks(Sequence sequence) {
        List<List<Integer>> stages = new ArrayList<>();
        for (int stage = 1; stage < sequence.keptBlocks.size(); stage++) {
            List<Integer> live = sequence.keptBlocks.get(stage);
            ActiveBlocks active = sequence.active(stage);
            stages.add(
                    active == null
                            ? live
                            : Arrays.stream(active.ranks()).mapToObj(live::get).toList());
        }
        return stages;
    }

    private Sequence begin(int[] prompt, PruneSchedule schedule, int maxTokens, double swapThreshold) {
        ModelConfig model = folder.config();
        PrunePlan plan = PrunePlan.of(schedule, prompt.length, model.layers());
        GenerationRequest request = new GenerationRequest(prompt, Sampling.GREEDY, maxTokens, Set.of(), schedule);
        SwapPolicy policy = new SwapPolicy(swapThreshold);
        Sequence sequence = new Sequence(request, plan, model, slotBlock, policy, null, () -> {});
        sequence.assign(slots.take(sequence.slotsNeeded), slotBlock);
        return sequence;
    }

    private void end(Sequence sequence) {
        for (int[] table : sequence.slots) {
            slots.release(table);
        }
    }

    @Override
    public void close() {
        backend.close();
        folder.close();
    }
}
