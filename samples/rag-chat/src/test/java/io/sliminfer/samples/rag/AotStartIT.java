package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The packaged application starts from what {@code spring-boot:process-aot} has generated, answers, and stops. */
class AotStartIT {

    private static final Path JAR = Path.of("target", "slim-infer-sample-rag-chat.jar");
    private static final Pattern PORT = Pattern.compile("Netty started on port (\\d+)");
    private static final Duration START = Duration.ofMinutes(6);

    @TempDir
    private Path folder;

    private final HttpClient http = HttpClient.newHttpClient();

    @Test
    void servesFromGeneratedCode() throws Exception {
        Path log = folder.resolve("log");
        Process application = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dspring.aot.enabled=true",
                        "-jar",
                        JAR.toString(),
                        "--server.port=0",
                        "--rag.top-k=12") // a quick answer; RagChatQuestionsTests asks as it is shipped
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            await().atMost(START).until(() -> !application.isAlive() || port(log) > 0);
            assertThat(application.isAlive()).as(Files.readString(log)).isTrue();
            String root = "http://127.0.0.1:" + port(log);

            assertThat(Files.readString(log)).contains("Starting AOT-processed RagChatApplication");
            assertThat(get(root + "/actuator/health/readiness")).contains("\"UP\"");
            assertThat(get(root + "/actuator/sliminfer")).contains("slim-infer-tiny");
            assertThat(ask(root)).contains("event:finished").contains("Halden Works");
            assertThat(get(root + "/actuator/sliminfer/ttft")).contains("\"ttftMillis\"");
            assertThat(get(root + "/actuator/prometheus")).contains("gen_ai_server_time_to_first_token_seconds_count");
        } finally {
            application.destroy();
            assertThat(application.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    private static int port(Path log) throws IOException {
        Matcher started = PORT.matcher(Files.readString(log));
        return started.find() ? Integer.parseInt(started.group(1)) : 0;
    }

    private String get(String uri) throws Exception {
        return send(HttpRequest.newBuilder(URI.create(uri)).timeout(START).build());
    }

    private String ask(String root) throws Exception {
        return send(HttpRequest.newBuilder(URI.create(root + "/api/ask"))
                .header("Content-Type", "application/json")
                .timeout(START)
                .POST(HttpRequest.BodyPublishers.ofString("{\"question\": \"What is the supplier of pump P-113?\"}"))
                .build());
    }

    private String send(HttpRequest request) throws Exception {
        HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.body();
    }
}
