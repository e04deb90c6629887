package io.sliminfer.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.TransferException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Random submits, layers, steps and cancels against a simple model: what each block must hold. Prompts have ids of a small alphabet and
 * begin alike; some are dense, the others pruned first at a random layer, and of these some turn out to keep less than they were
 * admitted for. Copies are slow, end in any order and fail if asked for. A
 * failed check names the seed.
 */
final class KvSimulation {

    private static final int LAYERS = 4;
    private static final int BLOCK = 2;
    private static final int STEPS = 2000;
    private static final int HIDDEN = 5;

    /** What a block was stored for: its layer and all ids up to its end. */
    private record Meaning(int layer, List<Integer> ids) {}

    /** A request of the model. */
    private static final class Request {
        private final KvSequence sequence;
        private final PrefixQuery query;
        private final long id;
        private KvSequence.Need need;
        private int nextLayer;
        private int generated;

        Request(KvSequence sequence, KvSequence.Need need, PrefixQuery query, long id) {
            this.sequence = sequence;
            this.need = need;
            this.query = query;
            this.id = id;
        }

        boolean prefilled() {
            return nextLayer == LAYERS;
        }

        boolean finished() {
            return prefilled() && need.promptTokens()[0] + generated == need.tokensMax()[0];
        }

        int tokens(int layer) {
            return need.promptTokens()[layer] + generated;
        }

        /** What a block of the layers that see the whole prompt must have been stored for. */
        Meaning meaning(int layer, int index) {
            return new Meaning(
                    layer,
                    Arrays.stream(query.prompt(), 0, Math.min((index + 1) * BLOCK, query.prompt().length))
                            .boxed()
                            .toList());
        }
    }

    private final long seed;
    private final Random random;
    private final FakeDevice device;
    private final SlotPool slots;
    private final HostTiers host;
    private final KvCacheManager manager;
    private final List<Request> running = new ArrayList<>();
    /** What each block holds. */
    private final Map<KvBlock, Long> content = new IdentityHashMap<>();
    /** What full prompt blocks of layers that see the whole prompt were stored for. */
    private final Map<KvBlock, Meaning> meanings = new IdentityHashMap<>();
    /** What the places of hidden rows hold. */
    private final Meaning[] hidden = new Meaning[HIDDEN];

    private long stamp;
    private int completed;
    private int failed;
    private int shrunk;

    KvSimulation(long seed, int deviceSlots, int hostSlots, int prefetchLayers) {
        this.seed = seed;
        random = new Random(seed);
        device = new FakeDevice(deviceSlots, seed + 1);
        slots = new SlotPool(deviceSlots);
        int memory = hostSlots / 2;
        host = new HostTiers(
                device,
                null,
                List.of(device.allocateHost(memory, 8, null), device.allocateHost(hostSlots - memory, 8, null)));
        manager = new KvCacheManager(slots, BLOCK, 8, host, HIDDEN, prefetchLayers, fence -> fence.join());
    }

    int completed() {
        return completed;
    }

    int failed() {
        return failed;
    }

    /** Decisions that kept less than was set aside. */
    int shrunk() {
        return shrunk;
    }

    PrefixCounts prefixes() {
        return manager.prefixCounts();
    }

    FakeDevice device() {
        return device;
    }

    void run(boolean mayFail) {
        for (int step = 0; step < STEPS; step++) {
            device.tick();
            switch (random.nextInt(8)) {
                case 0 -> submit();
                case 1 -> cancelOne();
                default -> advance(mayFail);
            }
            check("step " + step);
        }
        new ArrayList<>(running).forEach(this::release);
        manager.drain();
        check("the end");
        Set<Integer> deviceSlots = new HashSet<>();
        Set<Integer> hostSlots = new HashSet<>();
        for (PrefixNode node : prefixCache().nodes()) {
            assertThat(node.holders).as("%s, seed %d", node, seed).isZero();
            for (KvBlock block : node.blocks) {
                deviceSlots.add(block.deviceSlot());
                hostSlots.add(block.hostSlot());
            }
        }
        deviceSlots.remove(KvBlock.NONE);
        hostSlots.remove(KvBlock.NONE);
        assertThat(slots.used())
                .as("device slots in use at the end, seed %d", seed)
                .isEqualTo(deviceSlots.size());
        assertThat(host.used())
                .as("host slots in use at the end, seed %d", seed)
                .isEqualTo(hostSlots.size());
        assertThat(host.unreserved()).isEqualTo(host.slots());
        assertThat(device.underWay()).isZero();
    }

    private PrefixCache prefixCache() {
        return Objects.requireNonNull(manager.prefixes());
    }

    private void submit() {
        if (running.size() >= 6) {
            return;
        }
        int prompt = 1 + random.nextInt(14);
        int generate = 1 + random.nextInt(6);
        int[] live = new int[LAYERS];
        int firstPruned = LAYERS;
        int tokens = prompt;
        for (int layer = 0; layer < LAYERS; layer++) {
            live[layer] = tokens;
            if (random.nextInt(3) == 0) {
                // Pruning drops whole blocks in the middle, or a ceiling keeps all that may be dropped later.
                int left = Math.max(Math.min(tokens, BLOCK + tokens % BLOCK), tokens - BLOCK * random.nextInt(4));
                boolean mayDrop = left < tokens || random.nextInt(3) == 0;
                firstPruned = mayDrop ? Math.min(firstPruned, layer) : firstPruned;
                tokens = left;
            }
        }
        KvSequence.Need need = new KvSequence.Need(
                live, Arrays.stream(live).map(n -> n + generate).toArray());
        if (!manager.canHold(need)) {
            return;
        }
        PrefixQuery query = query(ids(prompt), firstPruned);
        KvSequence sequence = manager.tryAdmit(need, query);
        if (sequence != null) {
            Request request = new Request(sequence, need, query, running.size());
            running.add(request);
            requireMeanings(request);
        } else {
            assertThat(running)
                    .as("a request alone is always admitted, seed %d", seed)
                    .isNotEmpty();
        }
    }

    /** Prompts begin alike more often than not. */
    private int[] ids(int tokens) {
        int[] ids = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            ids[i] = random.nextInt(8) == 0 ? 1 : 0;
        }
        return ids;
    }

    private static PrefixQuery query(int[] ids, int firstPruned) {
        return firstPruned == LAYERS
                ? new PrefixQuery(ids, LAYERS, PrefixQuery.DENSE, ids.length - 1)
                : new PrefixQuery(ids, firstPruned + 1, firstPruned, ids.length - 1);
    }

    /** What a request takes over was stored for its own ids. */
    private void requireMeanings(Request request) {
        int blocks = request.sequence.cachedTokens() / BLOCK;
        for (int i = 0; i < blocks; i++) {
            for (int layer = 0; layer < request.query.layers(); layer++) {
                KvBlock block = request.sequence.block(layer, i);
                assertThat(meanings.get(block)).as("%s, seed %d", block, seed).isEqualTo(request.meaning(layer, i));
            }
        }
    }

    private void cancelOne() {
        if (!running.isEmpty() && random.nextInt(4) == 0) {
            release(running.get(random.nextInt(running.size())));
        }
    }

    private void release(Request request) {
        running.remove(request);
        manager.release(request.sequence);
    }

    private void advance(boolean mayFail) {
        try {
            running.stream().filter(request -> !request.prefilled()).findFirst().ifPresent(this::prefillLayer);
            List<Request> decoding = running.stream().filter(Request::prefilled).toList();
            if (!decoding.isEmpty()) {
                decodeStep(decoding);
            }
        } catch (TransferException e) {
            assertThat(mayFail)
                    .as("a failure that nobody caused, seed %d", seed)
                    .isTrue();
            List<Request> broken = running.stream()
                    .filter(request -> manager.failed(request.sequence))
                    .toList();
            assertThat(broken).as("requests to blame, seed %d", seed).isNotEmpty();
            broken.forEach(this::release);
            failed += broken.size();
        }
    }

    private void prefillLayer(Request request) {
        int layer = request.nextLayer;
        manager.beginPrefill(request.sequence, layer);
        int[] table = Arrays.copyOf(
                request.sequence.table(layer),
                KvSequence.Need.blocks(request.need.promptTokens()[layer], BLOCK));
        boolean whole = layer < request.query.layers();
        for (int i = whole ? request.sequence.cachedTokens() / BLOCK : 0; i < table.length; i++) {
            store(request, layer, i, table[i]);
            if (whole) {
                meanings.put(request.sequence.block(layer, i), request.meaning(layer, i));
            }
        }
        device.tick();
        verify(request, layer, IntStream.range(0, table.length).toArray(), table);
        manager.endPrefill(request.sequence, layer);
        if (layer == request.query.layers() - 1) {
            share(request, layer);
        }
        request.nextLayer++;
        if (running.contains(request) && layer >= request.query.hiddenLayer() && random.nextInt(3) == 0) {
            shrink(request, layer);
        }
        if (request.prefilled() && random.nextBoolean()) {
            activateSome(request);
        }
    }

    /** The layer decides that less stays than was planned; so do later layers, all by whole blocks. */
    private void shrink(Request request, int layer) {
        if (request.query.hiddenLayer() == PrefixQuery.DENSE) {
            return;
        }
        int[] live = request.need.promptTokens().clone();
        int dropped = BLOCK * random.nextInt(4);
        for (int later = layer + 1; later < LAYERS; later++) {
            // What is left of it is protected.
            live[later] = Math.max(Math.min(live[later], BLOCK + live[later] % BLOCK), live[later] - dropped);
            shrunk += live[later] < request.need.promptTokens()[later] ? 1 : 0;
        }
        int generate = request.need.tokensMax()[0] - request.need.promptTokens()[0];
        int used = slots.used();
        long before = request.need.slots(BLOCK);
        request.need = new KvSequence.Need(
                live, Arrays.stream(live).map(n -> n + generate).toArray());
        manager.shrink(request.sequence, request.need);
        assertThat(used - slots.used())
                .as("device slots given back by %s, seed %d", request.sequence, seed)
                .isEqualTo(request.sequence.resident() ? before - request.need.slots(BLOCK) : 0);
        if (random.nextInt(20) == 0) {
            release(request); // cancelled right after
        }
    }

    private void share(Request request, int layer) {
        if (request.query.hiddenLayer() != PrefixQuery.DENSE) {
            int[] cached = manager.hiddenSlots(request.sequence);
            assertThat(cached).hasSize(request.sequence.cachedTokens() / BLOCK);
            for (int i = 0; i < cached.length; i++) {
                assertThat(hidden[cached[i]])
                        .as("hidden rows of request %d, seed %d", request.id, seed)
                        .isEqualTo(request.meaning(layer, i));
            }
            int[] places = manager.takeHiddenSlots(request.sequence);
            for (int i = 0; i < places.length; i++) {
                if (places[i] >= 0) {
                    hidden[places[i]] = request.meaning(layer, cached.length + i);
                }
            }
            if (random.nextInt(20) == 0) {
                release(request); // cancelled at the worst moment
                return;
            }
        }
        manager.share(request.sequence);
    }

    /** The last two layers read the first and last block and some of the others. */
    private void activateSome(Request request) {
        int blocks = KvSequence.Need.blocks(request.need.promptTokens()[LAYERS - 1], BLOCK);
        if (request.need.promptTokens()[LAYERS - 2] == request.need.promptTokens()[LAYERS - 1]) {
            int[] active = IntStream.range(0, blocks)
                    .filter(i -> i == 0 || i == blocks - 1 || random.nextBoolean())
                    .toArray();
            manager.activate(request.sequence, LAYERS - 2, LAYERS - 1, active);
        }
    }

    private void decodeStep(List<Request> decoding) {
        List<KvSequence> sequences =
                decoding.stream().map(request -> request.sequence).toList();
        decoding.forEach(request -> request.generated++);
        int done = 0;
        try {
            for (int layer = 0; layer < LAYERS; layer++) {
                int of = layer;
                int[] tokens = decoding.stream()
                        .mapToInt(request -> request.tokens(of))
                        .toArray();
                manager.beginDecode(sequences, layer, tokens);
                device.tick();
                for (int i = 0; i < decoding.size(); i++) {
                    Request request = decoding.get(i);
                    int blocks = KvSequence.Need.blocks(tokens[i], BLOCK);
                    int[] needed = IntStream.range(0, blocks)
                            .filter(b -> request.sequence.isNeeded(of, b))
                            .toArray();
                    int[] table = request.sequence.table(layer);
                    store(request, layer, blocks - 1, table[blocks - 1]);
                    verify(
                            request,
                            layer,
                            needed,
                            IntStream.of(needed).map(b -> table[b]).toArray());
                    manager.endDecode(request.sequence, layer, tokens[i]);
                }
            }
            done = LAYERS;
        } finally {
            if (done < LAYERS) {
                decoding.forEach(request -> request.generated--); // the step is repeated for those that are left
            }
        }
        for (Request request : decoding) {
            if (request.finished()) {
                release(request);
                completed++;
            }
        }
    }

    /** Stores a token in a block: its content is another one now. A repeated step stores the same again. */
    private void store(Request request, int layer, int index, int slot) {
        KvBlock block = request.sequence.block(layer, index);
        if (!block.sealed()) {
            content.put(block, ++stamp);
        }
        device.write(slot, content.get(block));
    }

    private void verify(Request request, int layer, int[] blocks, int[] table) {
        for (int i = 0; i < blocks.length; i++) {
            assertThat(device.read(table[i]))
                    .as("%s of request %d, seed %d", request.sequence.block(layer, blocks[i]), request.id, seed)
                    .isEqualTo(content.get(request.sequence.block(layer, blocks[i])));
        }
    }

    /** No block is nowhere or alone on the wrong side, no slot has two blocks, and the sums are right. */
    private void check(String when) {
        Set<KvBlock> used = Collections.newSetFromMap(new IdentityHashMap<>());
        Set<KvBlock> cached = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Request request : running) {
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int i = 0; i < request.sequence.count(layer); i++) {
                    used.add(request.sequence.block(layer, i));
                }
            }
        }
        Set<Integer> places = new HashSet<>();
        for (PrefixNode node : prefixCache().nodes()) {
            for (KvBlock block : node.blocks) {
                assertThat(block.sealed())
                        .as("%s, %s, seed %d", block, when, seed)
                        .isTrue();
                assertThat(cached.add(block))
                        .as("%s in one node, %s, seed %d", block, when, seed)
                        .isTrue();
            }
            if (node.hiddenSlot != PrefixNode.NONE) {
                assertThat(places.add(node.hiddenSlot))
                        .as("%s, %s, seed %d", node, when, seed)
                        .isTrue();
            }
        }
        assertThat(places.size()).isLessThanOrEqualTo(prefixCache().hiddenSlotsUsed());
        int onlyCached = 0;
        for (KvBlock block : cached) {
            onlyCached += !used.contains(block) && block.deviceSlot() != KvBlock.NONE ? 1 : 0;
        }
        assertThat(manager.prefixCounts().slots())
                .as("slots of the prefix cache alone, %s, seed %d", when, seed)
                .isEqualTo(onlyCached);
        used.addAll(cached);
        requireOneOwner(used, when);
    }

    private void requireOneOwner(Set<KvBlock> blocks, String when) {
        Set<Integer> deviceSlots = new HashSet<>();
        Set<Integer> hostSlots = new HashSet<>();
        for (KvBlock block : blocks) {
            assertThat(block.deviceSlot() != KvBlock.NONE || block.hostSlot() != KvBlock.NONE)
                    .as("%s is somewhere, %s, seed %d", block, when, seed)
                    .isTrue();
            if (block.deviceSlot() != KvBlock.NONE) {
                assertThat(deviceSlots.add(block.deviceSlot()))
                        .as("%s alone in its slot, %s, seed %d", block, when, seed)
                        .isTrue();
            }
            if (block.hostSlot() != KvBlock.NONE) {
                assertThat(hostSlots.add(block.hostSlot()))
                        .as("%s alone in its host slot, %s, seed %d", block, when, seed)
                        .isTrue();
            }
        }
        assertThat(deviceSlots.size()).as("%s, seed %d", when, seed).isLessThanOrEqualTo(slots.used());
        assertThat(hostSlots.size()).as("%s, seed %d", when, seed).isLessThanOrEqualTo(host.used());
    }
}
