package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kernels compile for all that they say they support. Each {@code .cu} has one or more lines
 *
 * <pre>{@code // builds: DTYPE=1,2 HEAD_DIM=64,128 arch=80,90a}</pre>
 *
 * at its head: names of macros with their values, and {@code arch}, compute capabilities as nvcc writes them. A line stands for the
 * product of its lists; the last values of a line are its most important ones, and its first architecture is the oldest. The last values
 * are compiled for every architecture; each other value at least once, unoptimised and for the oldest, which accepts the least.
 * {@code -Dkernels.builds=all} compiles the products.
 */
@Tag("once")
class KernelSourcesTests {

    private static final Path KERNELS = Path.of("src/main/resources/io/sliminfer/cuda/kernels");
    private static final String BUILDS = "// builds:";

    /** Sources ask {@code __CUDA_ARCH__} for this one alone. */
    private static final int HOPPER = 90;

    /**
     * One call of nvcc.
     *
     * @param archs     more than one take the PTX of the first
     * @param optimised as NVRTC does it; else for errors only, which takes half of the time
     */
    private record Build(Path source, List<String> archs, Map<String, String> macros, boolean optimised) {

        private String name() {
            return source.getFileName() + " " + macros + " sm_" + archs;
        }
    }

    /** A line of a source: architectures, and the values of each macro. */
    private record Line(Path source, List<String> archs, Map<String, List<String>> macros) {

        /** Every combination for every architecture. */
        private List<Build> all() {
            List<Map<String, String>> product = List.of(Map.of());
            for (Map.Entry<String, List<String>> macro : macros.entrySet()) {
                List<Map<String, String>> next = new ArrayList<>();
                for (Map<String, String> chosen : product) {
                    for (String value : macro.getValue()) {
                        Map<String, String> more = new LinkedHashMap<>(chosen);
                        more.put(macro.getKey(), value);
                        next.add(more);
                    }
                }
                product = next;
            }
            List<Build> builds = new ArrayList<>();
            for (String arch : archs) {
                product.forEach(chosen -> builds.add(new Build(source, List.of(arch), chosen, true)));
            }
            return builds;
        }

        /** The last values together for each architecture, then each other value at least once for the first one. */
        private List<Build> sample() {
            int longest = macros.values().stream().mapToInt(List::size).max().orElse(1);
            List<Build> builds = new ArrayList<>();
            for (int i = 0; i < longest; i++) {
                Map<String, String> chosen = new LinkedHashMap<>();
                for (Map.Entry<String, List<String>> macro : macros.entrySet()) {
                    List<String> values = macro.getValue();
                    chosen.put(macro.getKey(), values.get(values.size() - 1 - i % values.size()));
                }
                if (i == 0) {
                    alike().forEach(alike -> builds.add(new Build(source, alike, chosen, true)));
                } else {
                    builds.add(new Build(source, archs.subList(0, 1), chosen, false));
                }
            }
            return builds;
        }

        /** Architectures by the PTX that they can share: PTX runs on later ones, but for that of {@code 90a} and the like. */
        private Collection<List<String>> alike() {
            return archs.stream()
                    .collect(Collectors.groupingBy(
                            arch -> arch.endsWith("a") ? arch : "from Hopper: " + (Integer.parseInt(arch) >= HOPPER),
                            LinkedHashMap::new,
                            Collectors.toList()))
                    .values();
        }
    }

    private static List<Path> sources;

    @TempDir
    private Path folder;

    @BeforeAll
    static void findSources() throws IOException {
        try (Stream<Path> files = Files.list(KERNELS)) {
            sources = files.sorted().toList();
        }
    }

    private static List<Path> kernels() {
        return sources.stream().filter(file -> file.toString().endsWith(".cu")).toList();
    }

    @Test
    void thereAreKernelsAndTheirSharedHeader() {
        assertThat(kernels()).isNotEmpty();
        assertThat(sources)
                .extracting(file -> file.getFileName().toString())
                .contains("common.cuh")
                .allMatch(name -> name.endsWith(".cu") || name.equals("common.cuh"));
    }

    @Test
    void includeNothingButTheSharedHeader() throws IOException {
        for (Path source : sources) {
            List<String> includes = Files.readAllLines(source).stream()
                    .map(String::strip)
                    .filter(line -> line.matches("#\\s*include\\b.*"))
                    .toList();
            // NVRTC runs where there are no CUDA headers.
            if (source.toString().endsWith(".cuh")) {
                assertThat(includes).as(source.toString()).isEmpty();
            } else {
                assertThat(includes).as(source.toString()).containsExactly("#include \"common.cuh\"");
            }
        }
    }

    @Test
    void sayWhatTheyAreBuiltFor() throws IOException {
        for (Path source : kernels()) {
            assertThat(lines(source))
                    .as(source + " needs a line like '" + BUILDS + " DTYPE=1,2 HEAD_DIM=64,128 arch=80,90a'")
                    .isNotEmpty()
                    .allMatch(line -> !line.archs().isEmpty() && line.macros().containsKey("DTYPE"));
        }
    }

    @Test
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void compileForAllThatTheySay() throws Exception {
        String nvcc = nvcc();
        assumeTrue(nvcc != null, "nvcc is neither on PATH nor in /usr/local/cuda/bin");
        boolean all = "all".equals(System.getProperty("kernels.builds"));
        Set<Build> chosen = new LinkedHashSet<>();
        for (Path source : kernels()) {
            for (Line line : lines(source)) {
                chosen.addAll(all ? line.all() : line.sample());
            }
        }
        ExecutorService workers =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            List<Callable<String>> calls = new ArrayList<>();
            for (Build build : chosen) {
                Path fatbin = folder.resolve(calls.size() + ".fatbin");
                calls.add(() -> compile(nvcc, build, fatbin));
            }
            List<String> errors = new ArrayList<>();
            for (Future<String> result : workers.invokeAll(calls)) {
                if (!result.get().isEmpty()) {
                    errors.add(result.get());
                }
            }
            assertThat(errors).as(chosen.size() + " builds").isEmpty();
        } finally {
            workers.shutdownNow();
        }
    }

    private static List<Line> lines(Path source) throws IOException {
        List<Line> lines = new ArrayList<>();
        for (String text : Files.readAllLines(source)) {
            if (text.startsWith(BUILDS)) {
                List<String> archs = List.of();
                Map<String, List<String>> macros = new LinkedHashMap<>();
                for (String list : text.substring(BUILDS.length()).strip().split("\\s+")) {
                    assertThat(list).as(source + ": " + text).matches("\\w+=\\w+(,\\w+)*");
                    String name = list.substring(0, list.indexOf('='));
                    List<String> values =
                            List.of(list.substring(name.length() + 1).split(","));
                    if (name.equals("arch")) {
                        archs = values;
                    } else {
                        macros.put(name, values);
                    }
                }
                lines.add(new Line(source, archs, macros));
            }
        }
        return lines;
    }

    /** An empty text, or what the compiler said. */
    private static String compile(String nvcc, Build build, Path fatbin) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                nvcc,
                "-fatbin",
                "-Werror=all-warnings",
                "-o",
                fatbin.toString(),
                build.source().toString()));
        String ptx = build.archs().get(0);
        build.archs().forEach(arch -> command.add("-gencode=arch=compute_" + ptx + ",code=sm_" + arch));
        if (!build.optimised()) {
            command.addAll(List.of("-Xcicc", "-O1", "-Xptxas", "-O0"));
        }
        build.macros().forEach((name, value) -> command.add("-D" + name + "=" + value));
        Path log = Path.of(fatbin + ".log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            if (process.waitFor() == 0) {
                return "";
            }
        } finally {
            process.destroy();
        }
        return build.name() + ":\n" + Files.readString(log);
    }

    private static @Nullable String nvcc() {
        Stream<String> path = Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator));
        return Stream.concat(path, Stream.of("/usr/local/cuda/bin"))
                .filter(directory -> !directory.isBlank())
                .map(directory -> Path.of(directory, "nvcc"))
                .filter(Files::isExecutable)
                .map(Path::toString)
                .findFirst()
                .orElse(null);
    }
}
