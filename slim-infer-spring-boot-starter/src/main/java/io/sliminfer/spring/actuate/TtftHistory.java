package io.sliminfer.spring.actuate;

import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.EngineListener;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.RequestInfo;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;

/**
 * Keeps what the last requests that got a first token took to get it. Lengths and times only, never text. The engine's thread adds,
 * any thread reads.
 */
public final class TtftHistory implements EngineListener {

    private final int capacity;
    private final Deque<TtftReport.Request> requests = new ArrayDeque<>(); // guarded by itself, oldest first

    /** @param capacity requests that are kept; 0 keeps none */
    public TtftHistory(int capacity) {
        this.capacity = capacity;
    }

    @Override
    public void finished(RequestInfo request, FinishReason reason, GenerationReport report) {
        add(request, report);
    }

    @Override
    public void failed(RequestInfo request, EngineException failure, GenerationReport report) {
        add(request, report);
    }

    private void add(RequestInfo request, GenerationReport report) {
        if (capacity == 0 || report.generatedTokens() == 0) {
            return;
        }
        TtftReport.Request entry = TtftReport.Request.of(request, report);
        synchronized (requests) {
            if (requests.size() == capacity) {
                requests.removeFirst();
            }
            requests.addLast(entry);
        }
    }

    /** Newest first. */
    public TtftReport report() {
        List<TtftReport.Request> newest;
        synchronized (requests) {
            newest = new ArrayList<>(requests);
        }
        Collections.reverse(newest);
        return TtftReport.of(capacity, newest);
    }
}
