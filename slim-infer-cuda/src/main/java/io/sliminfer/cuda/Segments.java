package io.sliminfer.cuda;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Fixed sequences of operations as graphs. Each time the sequence is asked for, its launches are collected and compared with those of
 * the last time: the second time that they are the same they are captured, and from then on the graph is launched, which costs the
 * host microseconds instead of a launch each. Where they differ (another number of splits, say) they are enqueued as they are. So
 * a graph can never run that does not do what was asked for. Engine thread only.
 */
final class Segments implements AutoCloseable {

    /** Batch sizes times segments of a step; with more, the graphs are made anew. */
    private static final int GRAPHS_MAX = 256;

    private final CudaStream stream;
    private final KernelArguments arguments;
    private final ViewArena views;
    private final Map<Object, Segment> segments = new HashMap<>();
    private LaunchList spare = new LaunchList();

    /** What a key stood for the last time, and its graph once it came twice. */
    private static final class Segment {
        LaunchList launches = new LaunchList();

        @Nullable
        CudaGraph graph;
    }

    Segments(CudaStream stream, KernelArguments arguments, ViewArena views) {
        this.stream = stream;
        this.arguments = arguments;
        this.views = views;
    }

    /** Runs the operations that {@code enqueue} calls; it must not wait for them, nor copy to or from the host. */
    void run(Object key, Runnable enqueue) {
        if (segments.size() >= GRAPHS_MAX && !segments.containsKey(key)) {
            close();
        }
        Segment segment = segments.computeIfAbsent(key, unknown -> new Segment());
        LaunchList launches = spare;
        launches.clear();
        views.beginSegment(key);
        arguments.collect(launches);
        try {
            enqueue.run();
        } finally {
            arguments.collect(null);
            views.endSegment();
        }
        boolean same = launches.sameAs(segment.launches);
        spare = segment.launches;
        segment.launches = launches;
        if (!same) {
            if (segment.graph != null) {
                stream.synchronize(); // it may still run
                segment.graph.close();
                segment.graph = null;
            }
            launches.enqueue(arguments, stream);
        } else {
            if (segment.graph == null) {
                segment.graph = capture(launches);
            }
            stream.launch(segment.graph);
            arguments.separate();
        }
        launches.landed(stream);
    }

    private CudaGraph capture(LaunchList launches) {
        stream.beginCapture();
        arguments.separate(); // nothing is ahead of a graph's first launch
        try {
            launches.enqueue(arguments, stream);
        } catch (RuntimeException | Error e) {
            stream.abandonCapture();
            throw e;
        }
        return stream.endCapture();
    }

    @Override
    public void close() {
        boolean any = segments.values().stream().anyMatch(segment -> segment.graph != null);
        if (any) {
            stream.synchronize();
        }
        segments.values().forEach(segment -> {
            if (segment.graph != null) {
                segment.graph.close();
            }
        });
        segments.clear();
    }
}
