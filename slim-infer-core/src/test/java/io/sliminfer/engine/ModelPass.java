package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Copies;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.kv.KvCacheManager;
import io.sliminfer.model.HiddenRows;
import io.sliminfer.model.ModelWeights;
import io.sliminfer.model.Transformer;
import io.sliminfer.model.Workspace;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A model on a backend without the engine's thread: one prompt at a time, with its logits. */
public final class ModelPass implements AutoCloseable {

    /** Tokens in a KV slot unless said otherwise; not the schedules' block size, which need not be the same. */
    private static final int SLOT_BLOCK = 64;

    private final ModelFolder folder;
    private final Backend backend;
    private final int slotBlock;
    private final KvCacheManager kv;
    private final ModelRunner runner;

    /**
     * Where blocks may be.
     *
     * @param deviceSlots    0 for as many as are needed
     * @param hostSlots      0 for none behind the device
     * @param disk           file for half of the host slots, or null
     * @param prefetchLayers as in {@link KvSettings}
     * @param hiddenSlots    of the prefix cache, {@link KvCacheManager#NO_PREFIX_CACHE} for none
     */
    record Pools(int deviceSlots, int hostSlots, @Nullable Path disk, int prefetchLayers, int hiddenSlots) {

        /** Without a prefix cache. */
        Pools(int deviceSlots, int hostSlots, @Nullable Path disk, int prefetchLayers) {
            this(deviceSlots, hostSlots, disk, prefetchLayers, KvCacheManager.NO_PREFIX_CACHE);
        }

        static final Pools ROOMY = new Pools(0, 0, null, 0);

        KvCacheManager manager(Backend backend, KvPool pool) {
            Copies copies = backend.copies();
            if (hostSlots == 0 || copies == null) {
                return KvCacheManager.of(pool.slots(), pool.block(), pool.slotBytes(), hiddenSlots);
            }
            List<HostPool> tiers = new ArrayList<>();
            int onDisk = disk == null ? 0 : hostSlots / 2;
            tiers.add(copies.allocateHost(hostSlots - onDisk, pool.slotBytes(), null));
            if (disk != null) {
                tiers.add(copies.allocateHost(onDisk, pool.slotBytes(), disk));
            }
            return KvCacheManager.of(pool, copies, tiers, hiddenSlots, prefetchLayers, backend.ops()::await);
        }
    }

    /**
     * @param logits     of the last prompt position
     * @param keptBlocks blocks live in each stage, stage 0 first
     * @param greedy     generated ids
     * @param cached     prompt tokens taken from an earlier prompt
     */
    public record Result(float[] logits, List<List<Integer>> keptBlocks, int[] greedy, int cached) {}

    /**
     * One decode step.
     *
     * @param logits after the step's token
     * @param active for each stage but the first, indexes of the prompt blocks that the token attended to
     */
    public record Step(float[] logits, List<List<Integer>> active) {}

    /** The KV cache's books. */
    KvCacheManager kv() {
        return kv;
    }

    private ModelPass(
            ModelFolder folder,
            Backend backend,
            KvType kvType,
            int tokensMax,
            int tile,
            int slotBlock,
            int batchMax,
            Pools pools) {
        this.folder = folder;
        this.slotBlock = slotBlock;
        this.backend = backend;
        ModelConfig model = folder.config();
        ModelWeights weights = ModelWeights.load(backend, folder, tokensMax + 64, layers -> {});
        Workspace space = new Workspace(backend, model, tokensMax, 1, tile);
        int slots = pools.deviceSlots() > 0
                ? pools.deviceSlots()
                : batchMax * model.layers() * ((tokensMax + 64) / slotBlock + 2);
        KvPool pool = backend.allocateKv(slots, slotBlock, model.kvHeads(), model.headDim(), kvType);
        kv = pools.manager(backend, pool);
        Transformer transformer = new Transformer(backend, model, weights, space);
        HiddenRows hidden = pools.hiddenSlots() > 0
                ? new HiddenRows(backend, model.hidden(), pools.hiddenSlots(), slotBlock)
                : null;
        runner = new ModelRunner(
                backend, model, transformer, space, pool, kv, hidden, batchMax, ServingSettings.PREFILL_SLICE_DEFAULT);
    }

    /**
     * @param backend name of a provider
     * @param tile    rows of a prefill tile
     */
    public static ModelPass open(Path folder, String backend, DType compute, int threads, int tokensMax, int tile) {
        return open(folder, backend, compute, KvType.of(compute), threads, tokensMax, tile);
    }

    /** The same with weights in a given form. */
    static ModelPass open(
            Path folder, String backend, DType compute, int threads, int tokensMax, int tile, WeightPrecision weights) {
        return open(
                ModelFolder.open(folder),
                backend,
                new BackendSettings(compute, threads).withWeights(weights),
                tokensMax,
                tile);
    }

    /** The same of a folder that is open; closing the pass closes it. */
    static ModelPass open(ModelFolder folder, String backend, BackendSettings settings, int tokensMax, int tile) {
        Backend opened = Backends.choose(backend).open(settings);
        KvType type = KvType.of(opened.info().compute());
        return new ModelPass(folder, opened, type, tokensMax, tile, SLOT_BLOCK, 1, Pools.ROOMY);
    }

    /** The same with a KV cache of another type than the compute dtype. */
    public static ModelPass open(
            Path folder, String backend, DType compute, KvType kvType, int threads, int tokensMax, int tile) {
        return new ModelPass(
                ModelFolder.open(folder),
                Backends.choose(backend).open(new BackendSettings(compute, threads)),
                kvType,
                tokensMax,
                tile,
                SLOT_BLOCK,
                1,
                Pools.ROOMY);
    }

    /**
     * In float32.
     *
     * @param slotBlock tokens in a KV slot
     * @param batchMax  sequences that are decoded together
     */
    static ModelPass open(Path folder, String backend, int tokensMax, int tile, int slotBlock, int batchMax) {
        return open(folder, backend, tokensMax, tile, slotBlock, batchMax, Pools.ROOMY);
    }

    /** The same with given pools. */
    static ModelPass open(
            Path folder, String backend, int tokensMax, int tile, int slotBlock, int batchMax, Pools pools) {
        return open(folder, backend, WeightPrecision.AUTO, tokensMax, tile, slotBlock, batchMax, pools);
    }

    /** The same with weights in a given form. */
    static ModelPass open(
            Path folder,
            String backend,
            WeightPrecision weights,
            int tokensMax,
            int tile,
            int slotBlock,
            int batchMax,
            Pools pools) {
        return new ModelPass(
                ModelFolder.open(folder),
                Backends.choose(backend).open(new BackendSettings(DType.F32, 0).withWeights(weights)),
                KvType.F32,
                tokensMax,
                tile,
                slotBlock,
                batchMax,
                pools);
    }

    /**
     * The same on a backend that is already open, in its compute dtype. Closing the pass closes it.
     *
     * @param slotBlock tokens in a KV slot
     */
    static ModelPass open(
            Path folder, Backend backend, int tokensMax, int tile, int slotBlock, int batchMax, Pools pools) {
        return new ModelPass(
                ModelFolder.open(folder),
                backend,
                KvType.of(backend.info().compute()),
                tokensMax,
                tile,
                slotBlock,
                batchMax,
                pools);
    }

    /** Prefills and decodes greedily; end-of-sequence is not obeyed. */
    public Result run(int[] prompt, PruneSchedule schedule, int maxTokens) {
        ModelConfig model = folder.config();
        Sequence sequence = begin(prompt, schedule, maxTokens, KvSettings.SWAP_THRESHOLD_DEFAULT);
        try {
            prefill(sequence);
            float[] logits = runner.promptLogits(sequence).clone();
            int[] greedy = new int[maxTokens];
            greedy[0] = sequence.sampler.next(logits.clone());
            for (int i = 1; i < maxTokens; i++) {
                sequence.generated = i;
                sequence.nextToken = greedy[i - 1];
                runner.decode(List.of(sequence), false);
                greedy[i] = sequence.sampler.next(runner.row(0));
            }
            return new Result(logits, sequence.keptBlocks, greedy, sequence.cache.cachedTokens());
        } finally {
            sequence.cache.release();
        }
    }

    /** Prefills each prompt, then decodes the given tokens, the same for all, in one batch; gives the steps of each prompt. */
    List<List<Step>> follow(List<int[]> prompts, List<PruneSchedule> schedules, int[] tokens, double swapThreshold) {
        int[] all = IntStream.range(0, prompts.size()).toArray();
        return follow(prompts, schedules, tokens, Collections.nCopies(tokens.length, all), swapThreshold);
    }

    /**
     * The same with a batch of its own for each step.
     *
     * @param tokens  for each prompt its next one at each step that it takes part in
     * @param batches indexes of the prompts that take part, in the order of their rows
     */
    List<List<Step>> follow(
            List<int[]> prompts,
            List<PruneSchedule> schedules,
            int[] tokens,
            List<int[]> batches,
            double swapThreshold) {
        List<Sequence> sequences = new ArrayList<>();
        List<List<Step>> steps = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            Sequence sequence = begin(prompts.get(i), schedules.get(i), tokens.length + 1, swapThreshold);
            prefill(sequence);
            runner.promptLogits(sequence);
            sequences.add(sequence);
            steps.add(new ArrayList<>());
        }
        for (int[] members : batches) {
            List<Sequence> batch =
                    Arrays.stream(members).mapToObj(sequences::get).toList();
            for (Sequence sequence : batch) {
                sequence.nextToken = tokens[sequence.generated];
                sequence.generated++;
            }
            runner.decode(batch, false);
            for (int row = 0; row < members.length; row++) {
                steps.get(members[row]).add(new Step(runner.row(row).clone(), activeBlocks(batch.get(row))));
            }
        }
        sequences.forEach(sequence -> sequence.cache.release());
        return steps;
    }

    private static List<List<Integer>> activeBlocks(Sequence sequence) {
        List<List<Integer>> stages = new ArrayList<>();
        for (int stage = 1; stage < sequence.keptBlocks.size(); stage++) {
            List<Integer> live = sequence.keptBlocks.get(stage);
            ActiveBlocks active = sequence.cache.active(stage);
            stages.add(
                    active == null
                            ? live
                            : Arrays.stream(active.ranks()).mapToObj(live::get).toList());
        }
        return stages;
    }

    private void prefill(Sequence sequence) {
        boolean done = false;
        while (!done) {
            done = runner.prefill(sequence);
        }
    }

    private Sequence begin(int[] prompt, PruneSchedule schedule, int maxTokens, double swapThreshold) {
        ModelConfig model = folder.config();
        PrunePlan plan = PrunePlan.of(schedule, prompt.length, model.layers());
        GenerationRequest request = new GenerationRequest(prompt, Sampling.GREEDY, maxTokens, Set.of(), schedule);
        SwapPolicy policy = new SwapPolicy(swapThreshold);
        Sequence sequence =
                new Sequence(1, request, plan, model, slotBlock, policy, new RecordedGeneration(), () -> {});
        if (!sequence.cache.tryAdmit(kv)) {
            throw new IllegalStateException("the pool is too small for the prompt");
        }
        return sequence;
    }

    @Override
    public void close() {
        backend.close();
        folder.close();
    }
}
