package io.sliminfer.cuda;

import io.sliminfer.backend.DeviceClock;
import java.util.ArrayDeque;
import java.util.Deque;

/** Marks are events, taken from those that were given back. Engine thread only. */
final class CudaClock implements DeviceClock {

    private final CudaContext context;
    private final CudaStream compute;
    private final CudaStream toHost;
    private final CudaStream toDevice;
    private final Deque<CudaEvent> free = new ArrayDeque<>();

    private final class EventMark implements Mark {

        private final CudaEvent event;

        EventMark(CudaEvent event) {
            this.event = event;
        }

        @Override
        public boolean isPassed() {
            return event.isDone();
        }

        @Override
        public void join() {
            event.join();
        }

        @Override
        public double microsSince(Mark earlier) {
            return event.millisSince(((EventMark) earlier).event) * 1e3;
        }

        @Override
        public void release() {
            free.add(event);
        }
    }

    CudaClock(CudaContext context, CudaStream compute, CudaStream toHost, CudaStream toDevice) {
        this.context = context;
        this.compute = compute;
        this.toHost = toHost;
        this.toDevice = toDevice;
    }

    @Override
    public boolean times(Queue queue) {
        return true;
    }

    @Override
    public Mark mark(Queue queue) {
        CudaEvent known = free.poll();
        CudaEvent event = known != null ? known : context.event(true);
        switch (queue) {
            case COMPUTE -> compute.record(event);
            case TO_HOST -> toHost.record(event);
            case TO_DEVICE -> toDevice.record(event);
        }
        return new EventMark(event);
    }
}
