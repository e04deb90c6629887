package io.sliminfer.benchmarks.report;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a run was measured on.
 *
 * @param cpu         model name, as the system gives it
 * @param cores       processors that this JVM may use
 * @param memoryBytes physical memory of the machine or container
 */
public record Machine(String cpu, int cores, long memoryBytes, String os, String jvm) {

    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    public static Machine current() {
        long memory =
                ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                        ? system.getTotalMemorySize()
                        : 0;
        return new Machine(
                cpuName(),
                Runtime.getRuntime().availableProcessors(),
                memory,
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    }

    private static String cpuName() {
        if (Files.isReadable(CPU_INFO)) {
            try {
                for (String line : Files.readAllLines(CPU_INFO)) {
                    if (line.startsWith("model name") && line.contains(":")) {
                        return line.substring(line.indexOf(':') + 1).strip();
                    }
                }
            } catch (IOException e) {
                return System.getProperty("os.arch"); // no more is known
            }
        }
        // Windows sets it; macOS and Linux on Arm have no file that names the processor.
        String identifier = System.getenv("PROCESSOR_IDENTIFIER");
        return identifier != null ? identifier : System.getProperty("os.arch");
    }

    /** For a line of results. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("cpu", cpu);
        map.put("cores", cores);
        map.put("memoryBytes", memoryBytes);
        map.put("os", os);
        map.put("jvm", jvm);
        return map;
    }

    /** One line for people. */
    public String describe() {
        return describe(cpu, cores, memoryBytes, os);
    }

    /** The same from a line of results. */
    public static String describe(String cpu, int cores, long memoryBytes, String os) {
        return String.format(Locale.ROOT, "%s, %d cores, %.0f GB, %s", cpu, cores, memoryBytes / 1e9, os);
    }
}
