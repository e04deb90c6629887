package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringBootVersion;
import org.springframework.web.reactive.function.client.WebClient;

/** The packaged application starts from what {@code spring-boot:process-aot} has generated, and serves with all of its endpoints. */
class AotStartIT {

    private static final File JAR = new File("target/slim-infer-sample-rag-chat.jar");

    @TempDir
    private Path folder;

    private Path log;
    private Process application;

    @BeforeEach
    void start() throws Exception {
        assertThat(JAR).as("built by package").exists();
        log = folder.resolve("log");
        Path port = folder.resolve("port");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-Dspring.aot.enabled=true",
                "-jar",
                JAR.getPath(),
                "--server.port=0"));
        application = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    @AfterEach
    void stop() throws Exception {
        application.destroy();
        assertThat(application.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }
}
