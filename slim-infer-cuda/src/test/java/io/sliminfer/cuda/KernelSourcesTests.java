package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kernels compile for all that they say they support. Each {@code .cu} has one or more lines
 *
 * <pre>{@code // builds: DTYPE=1,2 HEAD_DIM=64,128 arch=80,90a}</pre>
 *
 * at its head: names of macros with their values, and {@code arch}, compute capabilities as nvcc writes them. A line stands for the
 * product of its lists.
 */
class KernelSourcesTests {

    private static final Path KERNELS = Path.of("src/main/resources/io/sliminfer/cuda/kernels");
    private static final String BUILDS = "// builds:";

    /** Compiled with all macros; of the other architectures each file has its first and its last build. */
    private static final Set<String> WHOLE = Set.of("80", "90a");

    /** One call of nvcc. */
    private record Build(Path source, String arch, Map<String, String> macros) {

        private String name() {
            return source.getFileName() + " " + macros + " sm_" + arch;
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
            assertThat(builds(source))
                    .as(source + " needs a line like '" + BUILDS + " DTYPE=1,2 HEAD_DIM=64,128 arch=80,90a'")
                    .isNotEmpty()
                    .allMatch(build -> build.macros().containsKey("DTYPE"));
        }
    }

    @Test
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void compileForAllThatTheySay() throws Exception {
        String nvcc = nvcc();
        assumeTrue(nvcc != null, "nvcc is neither on PATH nor in /usr/local/cuda/bin");
        List<Build> chosen = new ArrayList<>();
        for (Path source : kernels()) {
            chosen.addAll(sample(builds(source)));
        }
        ExecutorService workers =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            List<Callable<String>> calls = new ArrayList<>();
            for (int i = 0; i < chosen.size(); i++) {
                Build build = chosen.get(i);
                Path cubin = folder.resolve(i + ".cubin");
                calls.add(() -> compile(nvcc, build, cubin));
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

    /** Which of a file's builds are compiled. */
    private static List<Build> sample(List<Build> all) {
        List<Build> chosen = new ArrayList<>();
        Map<String, List<Build>> ofArch = new LinkedHashMap<>();
        for (Build build : all) {
            ofArch.computeIfAbsent(build.arch(), arch -> new ArrayList<>()).add(build);
        }
        ofArch.forEach((arch, builds) -> chosen.addAll(
                WHOLE.contains(arch)
                        ? builds
                        : new LinkedHashSet<>(List.of(builds.get(0), builds.get(builds.size() - 1)))));
        return chosen;
    }

    /** What a source's lines say, without repetitions. */
    private static List<Build> builds(Path source) throws IOException {
        Set<Build> builds = new LinkedHashSet<>();
        for (String line : Files.readAllLines(source)) {
            if (line.startsWith(BUILDS)) {
                List<Map<String, String>> product = List.of(Map.of());
                for (String list : line.substring(BUILDS.length()).strip().split("\\s+")) {
                    assertThat(list).as(source + ": " + line).matches("\\w+=\\w+(,\\w+)*");
                    String name = list.substring(0, list.indexOf('='));
                    List<Map<String, String>> next = new ArrayList<>();
                    for (Map<String, String> macros : product) {
                        for (String value : list.substring(name.length() + 1).split(",")) {
                            Map<String, String> more = new LinkedHashMap<>(macros);
                            more.put(name, value);
                            next.add(more);
                        }
                    }
                    product = next;
                }
                for (Map<String, String> macros : product) {
                    String arch = macros.remove("arch");
                    assertThat(arch)
                            .as(source + ": " + line + " must name arch")
                            .isNotNull();
                    builds.add(new Build(source, arch, macros));
                }
            }
        }
        return List.copyOf(builds);
    }

    /** An empty text, or what the compiler said. */
    private static String compile(String nvcc, Build build, Path cubin) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                nvcc,
                "-cubin",
                "-Werror=all-warnings",
                "-gencode=arch=compute_" + build.arch() + ",code=sm_" + build.arch(),
                "-o",
                cubin.toString(),
                build.source().toString()));
        build.macros().forEach((name, value) -> command.add("-D" + name + "=" + value));
        Path log = Path.of(cubin + ".log");
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
