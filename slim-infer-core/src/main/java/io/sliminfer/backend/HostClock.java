package io.sliminfer.backend;

/** An operation has ended when its call returns. */
final class HostClock implements DeviceClock {

    static final HostClock INSTANCE = new HostClock();

    private record HostMark(long nanos) implements Mark {

        @Override
        public boolean isPassed() {
            return true;
        }

        @Override
        public void join() {}

        @Override
        public double microsSince(Mark earlier) {
            return (nanos - ((HostMark) earlier).nanos) * 1e-3;
        }

        @Override
        public void release() {}
    }

    private HostClock() {}

    @Override
    public boolean times(Queue queue) {
        return queue == Queue.COMPUTE;
    }

    @Override
    public Mark mark(Queue queue) {
        if (!times(queue)) {
            throw new IllegalArgumentException("the host's clock does not know when copies run");
        }
        return new HostMark(System.nanoTime());
    }
}
