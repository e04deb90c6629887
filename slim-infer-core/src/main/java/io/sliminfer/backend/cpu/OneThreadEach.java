package io.sliminfer.backend.cpu;

/**
 * Runs tasks that call oneDNN on the workers, each call on one thread: the workers have the cores already, and there is no barrier
 * of OpenMP's to wait at. Called by the thread that opened the backend, whose own number of threads is as before when a loop ends.
 */
final class OneThreadEach {

    private final WorkerPool workers;
    private final boolean[] limited;

    OneThreadEach(WorkerPool workers) {
        this.workers = workers;
        limited = new boolean[workers.threads()];
    }

    int threads() {
        return workers.threads();
    }

    void run(int tasks, WorkerPool.Task task) {
        if (!OneDnn.canUseThreads()) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
            return;
        }
        try {
            workers.run(tasks, (index, worker) -> {
                if (!limited[worker]) {
                    limited[worker] = true;
                    OneDnn.useThreads(1);
                }
                task.run(index, worker);
            });
        } finally {
            // The caller is worker 0.
            if (limited[0]) {
                limited[0] = false;
                OneDnn.useThreads(workers.threads());
            }
        }
    }
}
