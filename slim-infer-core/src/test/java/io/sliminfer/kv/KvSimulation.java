package io.sliminfer.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.TransferException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Random submits, layers, steps and cancels against a simple model: what each block must hold. Copies are slow, end in any order
 * and fail if asked for. A failed check names the seed.
 */
final class KvSimulation {

    private static final int LAYERS = 4;
    private static final int BLOCK = 2;
    private static final int STEPS = 2000;
    private static final int HIDDEN = 5;

    /** A request of the model: what was stored for each token of each layer. */
    private static final class Request {
        private final KvSequence sequence;
        private final KvSequence.Need need;
        private final long id;
        private final long[][] content = new long[LAYERS][];
        private int nextLayer;
        private int generated;

        Request(KvSequence sequence, KvSequence.Need need, long id) {
            this.sequence = sequence;
            this.need = need;
            this.id = id;
            for (int layer = 0; layer < LAYERS; layer++) {
                content[layer] = new long[KvSequence.Need.blocks(need.tokensMax()[layer], BLOCK)];
            }
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
    }

    private final long seed;
    private final Random random;
    private final FakeDevice device;
    private final SlotPool slots;
    private final HostTiers host;
    private final KvCacheManager manager;
    private final List<Request> running = new ArrayList<>();
    private long stamp;
    private int completed;
    private int failed;

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
        assertThat(slots.used())
                .as("device slots in use at the end, seed %d", seed)
                .isZero();
        assertThat(host.used())
                .as("host slots in use at the end, seed %d", seed)
                .isZero();
        assertThat(host.unreserved()).isEqualTo(host.slots());
        assertThat(device.underWay()).isZero();
    }

    private void submit() {
        if (running.size() >= 6) {
            return;
        }
        int prompt = 1 + random.nextInt(14);
        int generate = 1 + random.nextInt(6);
        int[] live = new int[LAYERS];
        int tokens = prompt;
        for (int layer = 0; layer < LAYERS; layer++) {
            live[layer] = tokens;
            if (random.nextInt(3) == 0) {
                // Pruning drops whole blocks in the middle.
                tokens = Math.max(Math.min(tokens, BLOCK + tokens % BLOCK), tokens - BLOCK * random.nextInt(4));
            }
        }
        KvSequence.Need need = new KvSequence.Need(
                live, Arrays.stream(live).map(n -> n + generate).toArray());
        if (!manager.canHold(need)) {
            return;
        }
        KvSequence sequence = manager.tryAdmit(need, PrefixQuery.none());
        if (sequence != null) {
            running.add(new Request(sequence, need, running.size()));
        } else {
            assertThat(running)
                    .as("a request alone is always admitted, seed %d", seed)
                    .isNotEmpty();
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
        for (int i = 0; i < table.length; i++) {
            store(request, layer, i, table[i]);
        }
        device.tick();
        verify(request, layer, IntStream.range(0, table.length).toArray(), table);
        manager.endPrefill(request.sequence, layer);
        request.nextLayer++;
        if (request.prefilled() && random.nextBoolean()) {
            activateSome(request);
        }
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
        long value = request.content[layer][index];
        if (!request.sequence.block(layer, index).sealed()) {
            value = ++stamp;
            request.content[layer][index] = value;
        }
        device.write(slot, value);
    }

    private void verify(Request request, int layer, int[] blocks, int[] table) {
        for (int i = 0; i < blocks.length; i++) {
            assertThat(device.read(table[i]))
                    .as("%s of request %d, seed %d", request.sequence.block(layer, blocks[i]), request.id, seed)
                    .isEqualTo(request.content[layer][blocks[i]]);
        }
    }

    /** No slot has two owners, and none is taken that nobody owns but those of requests that are over. */
    private void check(String when) {
        Set<Integer> deviceSlots = new HashSet<>();
        Set<Integer> hostSlots = new HashSet<>();
        for (Request request : running) {
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int i = 0; i < request.sequence.count(layer); i++) {
                    KvBlock block = request.sequence.block(layer, i);
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
            }
        }
        assertThat(deviceSlots.size()).as("%s, seed %d", when, seed).isLessThanOrEqualTo(slots.used());
        assertThat(hostSlots.size()).as("%s, seed %d", when, seed).isLessThanOrEqualTo(host.used());
    }
}
