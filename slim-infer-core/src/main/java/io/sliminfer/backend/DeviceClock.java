package io.sliminfer.backend;

/**
 * Tells when a device passed points of its queues. The thread that makes all calls of the backend makes
 * these too.
 */
public interface DeviceClock {

    /** Where work is enqueued. */
    enum Queue {
        /** {@link Ops}. */
        COMPUTE,
        /** {@link Copies#toHost}. */
        TO_HOST,
        /** {@link Copies#toDevice}. */
        TO_DEVICE
    }

    /** Whether points of the queue can be told. */
    boolean times(Queue queue);

    /** The end of what is enqueued now. */
    Mark mark(Queue queue);

    /** A point of a queue. */
    interface Mark {

        /** Whether everything before it has ended. */
        boolean isPassed();

        /** Waits until everything before it has ended. */
        void join();

        /** Microseconds from an earlier mark, of any queue, to this one, once both are passed. */
        double microsSince(Mark earlier);

        /** Nobody asks for it any more: what it is made of may be used again. */
        void release();
    }

    /** For backends that run an operation in its caller: the host's clock, compute alone. */
    static DeviceClock ofHost() {
        return HostClock.INSTANCE;
    }
}
