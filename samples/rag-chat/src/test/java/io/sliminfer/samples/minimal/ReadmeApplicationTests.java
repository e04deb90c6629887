package io.sliminfer.samples.minimal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;

/** What README shows as a whole application is one: its YAML and its class, with the tiny model. */
@ExtendWith(OutputCaptureExtension.class)
class ReadmeApplicationTests {

    private static final Path ROOT =
            Path.of(Objects.requireNonNullElse(System.getProperty("repository.root"), "../.."));

    @Test
    void answersWithTheConfigurationOfTheReadme(@TempDir Path folder, CapturedOutput output) throws IOException {
        String yaml = block("yaml");
        assertThat(yaml.lines()).as(yaml).hasSize(3);
        Path file = Files.writeString(folder.resolve("application.yml"), yaml);
        SpringApplication application = new SpringApplication(Application.class);

        try (ConfigurableApplicationContext context = application.run(
                "--spring.config.location=" + file.toUri(), "--spring.main.web-application-type=none")) {
            assertThat(context.isActive()).isTrue();
        }

        assertThat(output).contains("The supplier of pump P-113 is Halden Works.");
    }

    @Test
    void theReadmesClassIsTheOneThatRuns() throws IOException {
        String source = Files.readString(
                ROOT.resolve("samples/rag-chat/src/test/java/io/sliminfer/samples/minimal/Application.java"));

        assertThat(source).containsIgnoringWhitespaces(block("java"));
    }

    /** The first block of a language below "In your application". */
    private static String block(String language) throws IOException {
        String readme = Files.readString(ROOT.resolve("README.md"));
        String section = readme.substring(readme.indexOf("## In your application"));
        Matcher block =
                Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(section);
        assertThat(block.find()).as("a block of " + language + " in README").isTrue();
        return block.group(1);
    }
}
