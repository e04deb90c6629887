package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.DeviceClock;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.kv.KvCacheManager;
import io.sliminfer.kv.KvSequence;
import io.sliminfer.model.DecodeRows;
import io.sliminfer.model.HiddenRows;
import io.sliminfer.model.PromptPass;
import io.sliminfer.model.PromptRows;
import io.sliminfer.model.PromptSpace;
import io.sliminfer.model.Transformer;
import io.sliminfer.model.Workspace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns a step into operations on the device and reads back what it needs: the only place that waits for the device, once for a
 * step's tokens or logits and once for each layer of decode that chooses active blocks; besides, a prefill waits at each decision
 * with a mass budget, and for the slice before its last one. Engine thread only.
 */
final class ModelRunner {

    private static final Logger log = LoggerFactory.getLogger(ModelRunner.class);

    private final Transformer transformer;
    private final Backend backend;
    private final Workspace space;
    private final KvPool pool;
    private final KvCacheManager kv;
    private final @Nullable HiddenRows hidden;
    private final DeviceClock clock;
    private final PrefillPace pace;
    private final ModelConfig model;
    private final int vocabulary;
    private final Tensor decodeX;
    private final Tensor decodeIds;
    private final Tensor decodePositions;
    private final Tensor logits;
    private final Readback readback;
    private final Tensor likeliest;
    private final Readback likeliestLanding;
    private final Tensor wanted;
    private final Readback wantedLanding;
    private final float[] row;
    private final int[] ids;
    private final int[] positions;
    /** Rows of {@link #logits} that the last step made but left on the device. */
    private int unread;

    /**
     * @param hidden where hidden rows of prefixes are kept, or null if pruned prompts share none
     * @param slice  time of a slice of a prefill on the device
     */
    ModelRunner(
            Backend backend,
            ModelConfig model,
            Transformer transformer,
            Workspace space,
            KvPool pool,
            KvCacheManager kv,
            @Nullable HiddenRows hidden,
            int batchMax,
            Duration slice) {
        this.transformer = transformer;
        this.backend = backend;
        this.space = space;
        this.pool = pool;
        this.kv = kv;
        this.hidden = hidden;
        this.clock = backend.clock();
        this.pace = new PrefillPace(clock, slice);
        this.model = model;
        this.vocabulary = model.vocabulary();
        decodeX = backend.allocate("decode hidden states", DType.F32, batchMax, model.hidden());
        decodeIds = backend.allocate("decode ids", DType.I32, batchMax, 1);
        decodePositions = backend.allocate("decode positions", DType.I32, batchMax, 1);
        logits = backend.allocate("logits", DType.F32, batchMax, vocabulary);
        readback = backend.readback(Math.multiplyExact(batchMax, vocabulary));
        likeliest = backend.allocate("likeliest tokens", DType.I32, batchMax, 1);
        likeliestLanding = backend.readback(batchMax);
        // Decode chooses whole slots' worth of a prompt, so no layer's choice has more blocks than a prompt has slots.
        int choices = Math.multiplyExact(batchMax, (space.prompt().tokens() / pool.block() + 1));
        wanted = backend.allocate("active blocks", DType.I32, choices, 1);
        wantedLanding = backend.readback(choices);
        row = new float[vocabulary];
        ids = new int[batchMax];
        positions = new int[batchMax];
    }

    /**
     * Runs a slice of a prefill: pieces of it until the time of a slice is over, or the request must end.
     *
     * @return whether the last layer is done
     */
    boolean prefill(Sequence sequence) {
        PromptPass pass = sequence.prompt;
        pace.begin();
        if (pass == null) {
            pass = begin(sequence);
            sequence.prompt = pass;
        }
        while (!pass.isDone() && !sequence.mustEnd()) {
            double flops = pass.nextFlops();
            if (!pace.hasRoom(flops) && mayPause(sequence, pass)) {
                break;
            }
            pass.next();
            pace.add(flops);
            if (pass.layersPassed() > sequence.layersPassed) {
                layerEnds(sequence, sequence.layersPassed++);
            }
            logProgress(sequence);
        }
        pace.end();
        return pass.isDone();
    }

    private static void layerEnds(Sequence sequence, int layer) {
        if (sequence.plan().stageOf(layer).lastLayer() == layer) {
            requireClock(sequence).stageEnds();
        }
    }

    /** Blocks that may leave the device stay there only as long as no other pass runs, so their layers are not interrupted. */
    private static boolean mayPause(Sequence sequence, PromptPass pass) {
        return pass.isBetweenLayers() || sequence.cache.blocks().resident();
    }

    private static StageClock requireClock(Sequence sequence) {
        if (sequence.stageClock == null) {
            throw new IllegalStateException("a prefill that has not begun");
        }
        return sequence.stageClock;
    }

    /** On a device with a queue of its own these layers are enqueued, which may be some way ahead. */
    private void logProgress(Sequence sequence) {
        if (sequence.layersPassed < transformer.layers() && sequence.progress.isDue()) {
            log.info(
                    "request {}: prefill of {} tokens, {} of {} layers ({} tokens live) after {} s",
                    sequence.id(),
                    sequence.plan().promptTokens(),
                    sequence.layersPassed,
                    transformer.layers(),
                    sequence.plan().stageOf(sequence.layersPassed).liveTokens(),
                    TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - sequence.startedNanos));
        }
    }

    private PromptPass begin(Sequence sequence) {
        sequence.progress = new ProgressLog();
        sequence.stageClock = new StageClock(clock);
        int[] prompt = sequence.request.prompt();
        int tokens = prompt.length;
        int[] position = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            position[i] = i;
        }
        int cached = sequence.cache.cachedTokens();
        PromptSpace room = sequence.passing ? space.passing() : space.prompt();
        Tensor idRows = space.ids().rows(0, tokens);
        backend.ops().write(idRows, prompt, tokens);
        backend.ops().write(room.positions(), position, tokens);
        transformer.embed(room.x().rows(cached, tokens), idRows.rows(cached, tokens));
        PromptRows rows = new PromptRows(sequence.plan(), pool, sequence.cache, room, space.tile(), hidden);
        return new PromptPass(transformer, model, rows);
    }

    /** Logits of the last prompt position, valid until the next call. */
    float[] promptLogits(Sequence sequence) {
        if (sequence.prompt == null) {
            throw new IllegalStateException("no prefill to take logits of");
        }
        PromptRows rows = sequence.prompt.rows();
        Tensor out = logits.rows(0, 1);
        transformer.logits(out, rows.x().rows(rows.count() - 1, rows.count()));
        backend.ops().read(readback, out);
        sequence.prefilled(rows.keptBlocks());
        readback.join();
        sequence.prefillStages = requireClock(sequence).times();
        unread = 0;
        return row(0);
    }

    /**
     * Runs one token of each sequence; {@link #row} then has their logits.
     *
     * @param greedy the likeliest tokens are all that is wanted: {@link #likeliest} has them, and logits come to the host only
     *               if they are asked for
     */
    void decode(List<Sequence> sequences, boolean greedy) {
        int count = sequences.size();
        for (int i = 0; i < count; i++) {
            ids[i] = sequences.get(i).nextToken;
            positions[i] = sequences.get(i).position();
        }
        backend.ops().write(decodeIds, ids, count);
        backend.ops().write(decodePositions, positions, count);
        StepResidence residence = new StepResidence(kv, sequences);
        DecodeRows rows =
                new DecodeRows(pool, residence, residence.caches, decodeX, decodePositions, wanted, wantedLanding);
        Tensor out = logits.rows(0, count);
        for (int from = 0, to; from < transformer.layers(); from = to) {
            to = from + 1;
            while (to < transformer.layers() && !rows.chooses(to - 1)) {
                to++;
            }
            decodeLayers(rows, from, to, out, greedy);
            rows.follow(to - 1);
        }
        if (greedy) {
            backend.ops().read(likeliestLanding, likeliest.rows(0, count));
            likeliestLanding.join();
            unread = count;
        } else {
            readLogits(count);
        }
    }

    private void readLogits(int count) {
        backend.ops().read(readback, logits.rows(0, count));
        readback.join();
        unread = 0;
    }

    /** Layers that follow each other without the host: the same operations in each step, so that a device may replay them. */
    private void decodeLayers(DecodeRows rows, int from, int to, Tensor out, boolean greedy) {
        Runnable operations = () -> {
            if (from == 0) {
                transformer.embed(rows.x(), decodeIds.rows(0, rows.count()));
            }
            for (int layer = from; layer < to; layer++) {
                transformer.layer(layer, rows);
            }
            if (to == transformer.layers()) {
                transformer.logits(out, rows.x());
                if (greedy) {
                    backend.ops().argmax(likeliest.rows(0, rows.count()), out);
                }
            }
        };
        if (kv.movesBlocks()) {
            operations.run(); // copies are awaited between them
        } else {
            backend.segment(new DecodeSegment(rows.count(), from, to, greedy), operations);
        }
    }

    /** What a decode step's operations are the same for. */
    private record DecodeSegment(int sequences, int fromLayer, int toLayer, boolean greedy) {}

    /** Token with the largest logit in the i-th row of a greedy step, or -1 if the logits are not numbers. */
    int likeliest(int i) {
        return likeliestLanding.getInt(i);
    }

    /** Logits of the i-th row of the last step, in an array that the next call overwrites. */
    float[] row(int i) {
        if (unread > 0) {
            readLogits(unread);
        }
        readback.get(i * vocabulary, row, vocabulary);
        return row;
    }

    /** Blocks of a decode step's sequences on the device, layer by layer. */
    private static final class StepResidence implements DecodeRows.Residence {
        private final KvCacheManager kv;
        private final List<SequenceCache> caches;
        private final List<KvSequence> blocks;
        private final int[] tokens;

        StepResidence(KvCacheManager kv, List<Sequence> sequences) {
            this.kv = kv;
            this.caches = new ArrayList<>(sequences.size());
            this.blocks = new ArrayList<>(sequences.size());
            this.tokens = new int[sequences.size()];
            for (Sequence sequence : sequences) {
                caches.add(sequence.cache);
                blocks.add(sequence.cache.blocks());
            }
        }

        @Override
        public void begin(int layer) {
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = caches.get(i).storedTokens(layer);
            }
            kv.beginDecode(blocks, layer, tokens);
        }

        @Override
        public void stored(int layer) {
            for (int i = 0; i < tokens.length; i++) {
                kv.endDecode(blocks.get(i), layer, tokens[i]);
            }
        }
    }
}
