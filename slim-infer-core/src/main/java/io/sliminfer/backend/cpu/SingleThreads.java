package io.sliminfer.backend.cpu;

/**
 * Runs tasks on the workers in which the library must not start threads of its own, because the workers have the cores already. The
 * library's number of threads is a setting of the calling thread: workers keep it at one, the caller, who is worker 0, gets all back.
 * One thread at a time may call {@link #run}.
 */
final class SingleThreads {

    private final WorkerPool workers;
    private final boolean[] single;

    SingleThreads(WorkerPool workers) {
        this.workers = workers;
        this.single = new boolean[workers.threads()];
    }

    /** Workers that tasks may run on. */
    int threads() {
        return workers.threads();
    }

    /** As {@link WorkerPool#run}; where the library's threads cannot be set, one task after the other with all of them. */
    void run(int tasks, WorkerPool.Task task) {
        if (!OneDnn.canUseThreads()) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
            return;
        }
        try {
            workers.run(tasks, (index, worker) -> {
                if (!single[worker]) {
                    single[worker] = true;
                    OneDnn.useThreads(1);
                }
                task.run(index, worker);
            });
        } finally {
            if (single[0]) {
                single[0] = false;
                OneDnn.useThreads(workers.threads());
            }
        }
    }
}
