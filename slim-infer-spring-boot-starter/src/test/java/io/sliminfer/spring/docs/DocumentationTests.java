package io.sliminfer.spring.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Messages and properties that the documentation names are those of the code. */
class DocumentationTests {

    private static final Path ROOT = Path.of(Objects.requireNonNullElse(System.getProperty("repository.root"), ".."));
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final Pattern PROPERTY = Pattern.compile("slim-infer(?:\\.[a-z][a-z0-9-]*)+");
    // Where a text is put together of literals, lines end between them.
    private static final Pattern JOINT = Pattern.compile("\"\\s*\\+\\s*\"");
    private static final int MESSAGES_MIN = 40;

    @Test
    void everyMessageOfTheTroubleshootingPageIsInTheSources() throws IOException {
        String sources = sources();
        List<String> fragments = new ArrayList<>();
        for (String line : Files.readAllLines(ROOT.resolve("docs/troubleshooting.md"))) {
            // Cells of a row; a pipe inside a message is escaped.
            String[] cells = line.split("(?<!\\\\)\\|");
            if (cells.length > 1 && !cells[1].contains("Message") && !cells[1].contains("---")) {
                // What follows in brackets is the kind of the exception, not its text.
                String message = cells[1].replaceAll("\\((?:kind|information)[^)]*\\)", "");
                CODE.matcher(message).results().forEach(code -> Arrays.stream(
                                code.group(1).split("…"))
                        .map(String::strip)
                        .filter(fragment -> fragment.length() > 3)
                        .forEach(fragments::add));
            }
        }

        assertThat(fragments).hasSizeGreaterThan(MESSAGES_MIN);
        assertThat(fragments).allSatisfy(fragment -> assertThat(sources.contains(fragment))
                .as("a source with '%s'", fragment)
                .isTrue());
    }

    @Test
    void everyPropertyOfThePagesForUsersExists() throws IOException {
        Set<String> known = properties();
        Set<String> named = new TreeSet<>();
        for (String page : List.of("migration.md", "troubleshooting.md")) {
            PROPERTY.matcher(Files.readString(ROOT.resolve("docs").resolve(page)))
                    .results()
                    .forEach(property -> named.add(property.group()));
        }
        // Keys of a response's metadata, not properties.
        named.removeAll(Set.of("slim-infer.pruned-share", "slim-infer.cached-tokens"));

        assertThat(named).hasSizeGreaterThan(25).allSatisfy(property -> assertThat(known)
                .contains(property));
    }

    /** All main sources, each text as if it were one literal. */
    private static String sources() throws IOException {
        StringBuilder all = new StringBuilder();
        for (String module : List.of("slim-infer-core", "slim-infer-cuda", "slim-infer-spring-boot-starter")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    all.append(Files.readString(file)).append('\n');
                }
            }
        }
        return JOINT.matcher(all).replaceAll("");
    }

    private static Set<String> properties() throws IOException {
        Set<String> names = new TreeSet<>();
        ClassLoader loader = DocumentationTests.class.getClassLoader();
        for (URL url : Collections.list(loader.getResources("META-INF/spring-configuration-metadata.json"))) {
            try (InputStream in = url.openStream()) {
                JsonNode metadata = JsonMapper.shared().readTree(in);
                metadata.path("properties")
                        .forEach(property -> names.add(property.get("name").asString()));
            }
        }
        return names;
    }
}
