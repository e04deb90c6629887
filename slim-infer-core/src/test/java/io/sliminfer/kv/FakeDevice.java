package io.sliminfer.kv;

import io.sliminfer.backend.Copies;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.TransferException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Slots that hold one number each, and copies that take their time: the number is moved at some moment between begin and end, so
 * a slot that is used again too early, or read before its copy has ended, shows. Copies end in any order and may fail.
 */
final class FakeDevice implements Copies {

    /** What a slot holds after a copy into it failed. */
    static final long GARBAGE = -1;

    private final Random random;
    private final long[] slots;
    private final List<Pending> pending = new ArrayList<>();
    private double failureShare;
    private int started;

    FakeDevice(int slots, long seed) {
        this.slots = new long[slots];
        this.random = new Random(seed);
    }

    /** Share of copies that fail from now on. */
    void failing(double share) {
        failureShare = share;
    }

    long read(int slot) {
        return slots[slot];
    }

    void write(int slot, long value) {
        slots[slot] = value;
    }

    int started() {
        return started;
    }

    int underWay() {
        return pending.size();
    }

    /** Lets some copies go on. */
    void tick() {
        for (Pending copy : List.copyOf(pending)) {
            switch (random.nextInt(4)) {
                case 0 -> copy.move();
                case 1 -> copy.end();
                default -> {}
            }
        }
    }

    @Override
    public HostPool allocateHost(int count, long slotBytes, @Nullable Path file) {
        return new FakeHost(new long[count]);
    }

    @Override
    public Fence toHost(KvPool pool, int[] from, HostPool host, int[] to) {
        return start(slots, from, ((FakeHost) host).content, to);
    }

    @Override
    public Fence toDevice(KvPool pool, int[] to, HostPool host, int[] from) {
        return start(((FakeHost) host).content, from, slots, to);
    }

    private Fence start(long[] source, int[] from, long[] target, int[] to) {
        Pending copy = new Pending(source, from.clone(), target, to.clone(), random.nextDouble() < failureShare);
        // In flight the target holds nothing that could pass for the block.
        for (int slot : to) {
            target[slot] = GARBAGE;
        }
        pending.add(copy);
        started++;
        return copy;
    }

    private record FakeHost(long[] content) implements HostPool {
        @Override
        public int slots() {
            return content.length;
        }

        @Override
        public long slotBytes() {
            return 8;
        }
    }

    private final class Pending implements Fence {
        private final long[] source;
        private final int[] from;
        private final long[] target;
        private final int[] to;
        private final boolean fails;
        private boolean moved;
        private boolean done;

        Pending(long[] source, int[] from, long[] target, int[] to, boolean fails) {
            this.source = source;
            this.from = from;
            this.target = target;
            this.to = to;
            this.fails = fails;
        }

        void move() {
            if (!moved && !fails) {
                for (int i = 0; i < from.length; i++) {
                    target[to[i]] = source[from[i]];
                }
            }
            moved = true;
        }

        void end() {
            if (!done) {
                move();
                done = true;
                pending.remove(this);
            }
        }

        @Override
        public boolean isDone() {
            return done;
        }

        @Override
        public void join() {
            end();
            if (fails) {
                throw new TransferException("a copy failed on purpose", new IllegalStateException("test"));
            }
        }

        @Override
        public long nanos() {
            return done ? 1000 : 0;
        }
    }
}
