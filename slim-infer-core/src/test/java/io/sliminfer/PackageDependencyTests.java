package io.sliminfer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.golden.Repository;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table of {@code docs/architecture.md} against what the sources use, in imports and in qualified names. */
class PackageDependencyTests {

    private static final Path ROOT = Repository.root();
    private static final Pattern ROW = Pattern.compile("^\\| (`[a-z.]+`(?:, `[a-z.]+`)*) \\|.*\\| ([^|]*)\\|$");
    private static final Pattern CODE = Pattern.compile("`([a-z.]+)`");
    private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\\n]*", Pattern.DOTALL);
    private static final Pattern OWN_NAME = Pattern.compile("\\bio\\.sliminfer((?:\\.[a-z][a-z0-9]*)+)");

    /** A row of the table; packages are named without {@code io.sliminfer}. */
    private record Row(List<String> packages, List<String> mayUse) {}

    private final List<Row> rows = read(ROOT.resolve("docs/architecture.md"))
            .lines()
            .flatMap(line -> ROW.matcher(line).results())
            .map(row -> new Row(codes(row.group(1)), codes(row.group(2))))
            .toList();

    private Row rowOf(String name) {
        List<Row> found =
                rows.stream().filter(row -> row.packages().contains(name)).toList();
        assertThat(found).as("rows of package %s in docs/architecture.md", name).hasSize(1);
        return found.get(0);
    }

    /** The rows that a row may use: those it names and what they may use. */
    private Set<Row> reach(Row row, Set<Row> reached) {
        for (String name : row.mayUse()) {
            Row used = rowOf(name);
            if (reached.add(used)) {
                reach(used, reached);
            }
        }
        return reached;
    }

    private static List<String> codes(String cell) {
        return CODE.matcher(cell).results().map(code -> code.group(1)).toList();
    }

    @Test
    void theTableNamesEveryPackage() {
        assertThat(rows.stream().flatMap(row -> row.packages().stream()))
                .containsExactlyInAnyOrderElementsOf(used("slim-infer-core").keySet());
    }

    @Test
    void packagesUseWhatTheTableAllows() {
        used("slim-infer-core").forEach((name, uses) -> {
            Set<String> allowed = new TreeSet<>(rowOf(name).packages()); // those of one row may use each other
            reach(rowOf(name), new LinkedHashSet<>()).forEach(row -> allowed.addAll(row.packages()));
            assertThat(allowed).as("%s may use", name).containsAll(uses);
        });
    }

    @Test
    void noRowOfTheTableLeadsBackToItself() {
        for (Row row : rows) {
            assertThat(reach(row, new LinkedHashSet<>()))
                    .as("what %s may use", row.packages())
                    .doesNotContain(row);
        }
    }

    @Test
    void theCudaModuleSeesTheDeviceInterfaceAlone() {
        Map<String, Set<String>> uses = used("slim-infer-cuda");
        assertThat(uses).isNotEmpty();
        Set<String> all = new TreeSet<>();
        uses.values().forEach(all::addAll);
        all.removeIf(name -> name.equals("cuda") || name.startsWith("cuda."));
        assertThat(Set.of("backend", "format", "prune")).containsAll(all);
    }

    @Test
    void coreKnowsNoFrameworkOfItsUsers() {
        Pattern framework =
                Pattern.compile("\\b(org\\.springframework|reactor|io\\.micrometer|org\\.reactivestreams)\\.");
        sources("slim-infer-core").forEach((file, code) -> assertThat(framework
                        .matcher(code)
                        .results()
                        .map(MatchResult::group)
                        .toList())
                .as(file.toString())
                .isEmpty());
    }

    /** Packages of this project that each package of a module's main sources uses, itself included. */
    private static Map<String, Set<String>> used(String module) {
        Path root = sourceRoot(module);
        Map<String, Set<String>> uses = new TreeMap<>();
        sources(module).forEach((file, code) -> {
            String name = root.relativize(file.getParent())
                    .toString()
                    .replace(file.getFileSystem().getSeparator(), ".");
            Set<String> names = uses.computeIfAbsent(name.substring("io.sliminfer.".length()), key -> new TreeSet<>());
            OWN_NAME.matcher(code)
                    .results()
                    .forEach(own -> names.add(own.group(1).substring(1)));
        });
        return uses;
    }

    private static Path sourceRoot(String module) {
        return ROOT.resolve(module).resolve("src/main/java");
    }

    /** Main sources without their comments, by file. */
    private static Map<Path, String> sources(String module) {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> all = Files.walk(sourceRoot(module))) {
            all.filter(file -> file.toString().endsWith(".java")).forEach(files::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Map<Path, String> sources = new TreeMap<>();
        files.forEach(file -> sources.put(file, COMMENT.matcher(read(file)).replaceAll(" ")));
        return sources;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
