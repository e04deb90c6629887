package io.sliminfer.benchmarks.serve;

import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;

/**
 * What a process holds when nothing runs, to see what a load left behind.
 *
 * @param threads     names of live Java threads
 * @param directBytes direct buffers
 * @param nativeBytes memory that JavaCPP has allocated
 * @param heapBytes   used heap after garbage collection
 */
record Leftovers(List<String> threads, long directBytes, long nativeBytes, long heapBytes) {

    /** Collections move what they keep, so that used heap is never the same to the byte. */
    private static final long HEAP_SLACK = 16L << 20;

    private static final double HEAP_SLACK_SHARE = 0.05;

    static Leftovers now() {
        long nativeBytes = Pointer.totalBytes(); // first: with this class begins a thread of its own
        long heap = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) { // what one finds unreachable may release more
            System.gc();
            heap = Math.min(
                    heap,
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return new Leftovers(
                Thread.getAllStackTraces().keySet().stream()
                        .map(Thread::getName)
                        .sorted()
                        .toList(),
                ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum(),
                nativeBytes,
                heap);
    }

    /** What is more than it was, in words; empty if nothing is. */
    List<String> since(Leftovers start) {
        List<String> more = new ArrayList<>();
        List<String> begun = new ArrayList<>(threads);
        start.threads.forEach(begun::remove);
        if (!begun.isEmpty()) {
            more.add("threads that did not run before: " + begun);
        }
        add(more, "bytes of direct buffers", start.directBytes, directBytes, 0);
        add(more, "bytes of native memory", start.nativeBytes, nativeBytes, 0);
        long slack = HEAP_SLACK + (long) (start.heapBytes * HEAP_SLACK_SHARE);
        add(more, "bytes of heap", start.heapBytes, heapBytes, slack);
        return more;
    }

    private static void add(List<String> more, String what, long before, long after, long slack) {
        if (after > before + slack) {
            more.add("%,d %s, %,d before".formatted(after, what, before));
        }
    }

    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("threads", threads.size());
        map.put("directBytes", directBytes);
        map.put("nativeBytes", nativeBytes);
        map.put("heapBytes", heapBytes);
        return map;
    }
}
