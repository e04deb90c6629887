package io.sliminfer.samples.rag.dashboards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sliminfer.engine.EngineException;
import io.sliminfer.spring.SlimInferChatOptions;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import tools.jackson.databind.JsonNode;

/**
 * A real Prometheus scrapes this application while it answers questions, dense and pruned, with too many at once and with a KV cache
 * that moves blocks. Every query of dashboard and rules then has to have data. Skipped where no {@code prometheus} is found in
 * {@code PROMETHEUS_HOME} or on the path, unless {@code -Dprometheus.required=true}.
 *
 * <p>{@code -Ddashboards.seconds=120 -Ddashboards.image=FILE.svg} loads for longer and draws the panels.
 */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "rag.top-k=14",
            "slim-infer.pruning.min-prompt-tokens=1024",
            "slim-infer.chat.max-tokens=24",
            "slim-infer.batch-max=2",
            "slim-infer.queue-capacity=2",
            "slim-infer.kv-cache.memory=10MB",
            "slim-infer.kv-cache.host-memory=200MB"
        })
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("prometheus")
class DashboardsIT {

    private static final Path FOLDER = Path.of(System.getProperty("repository.root", "../.."), "samples/dashboards");
    private static final Path RULES = FOLDER.resolve("prometheus/slim-infer.rules.yml");
    private static final Duration PATIENCE = Duration.ofMinutes(6);
    private static final int SECONDS = Integer.getInteger("dashboards.seconds", 0);

    /** What an alert compares its metric with. */
    private static final Pattern THRESHOLD = Pattern.compile("\\s*(==|>|<)\\s*[0-9.]+\\s*$");

    @LocalServerPort
    private int port;

    @Autowired
    private ChatModel model;

    private final HttpClient http = HttpClient.newHttpClient();
    private final ExecutorService callers = Executors.newCachedThreadPool();
    private final AtomicInteger answered = new AtomicInteger();
    private final Dashboard dashboard = Dashboard.read(FOLDER.resolve("grafana/dashboards/slim-infer.json"), "15s");

    private @Nullable Prometheus prometheus;
    private volatile boolean loading = true;
    private double from;

    @BeforeAll
    void load(@TempDir Path folder) throws IOException {
        Path program = Prometheus.program("prometheus");
        boolean required = Boolean.getBoolean("prometheus.required");
        assumeTrue(program != null || required, "no prometheus in PROMETHEUS_HOME or on the path");
        assertThat(program)
                .as("prometheus, which -Dprometheus.required asks for")
                .isNotNull();
        prometheus =
                Prometheus.start(program, FOLDER.resolve("prometheus/prometheus.yml"), "127.0.0.1:" + port, folder);
        await().atMost(PATIENCE).until(prometheus::isReady);
        from = now();
        callers.execute(() -> questions(false));
        callers.execute(() -> questions(true));
        callers.execute(this::shortPrompts);
        callers.execute(this::bursts);
    }

    @AfterAll
    void stop() throws Exception {
        loading = false;
        callers.shutdown();
        assertThat(callers.awaitTermination(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                .isTrue();
        if (prometheus != null) {
            String image = System.getProperty("dashboards.image");
            if (image != null) {
                Files.writeString(Path.of(image), picture(prometheus));
            }
            prometheus.close();
        }
    }

    @Test
    void everyQueryOfTheDashboardHasData() {
        await().atMost(PATIENCE).pollInterval(Duration.ofSeconds(2)).untilAsserted(() -> assertThat(withoutData())
                .as("queries without data")
                .isEmpty());
        await().atMost(PATIENCE).until(() -> now() - from > SECONDS);
        assertThat(answered).hasPositiveValue();
        assertThat(dashboard.panels()).hasSizeGreaterThan(20);
    }

    @Test
    void everyRuleIsEvaluatedAndWhatItComparesHasData() throws Exception {
        await().atMost(PATIENCE).pollInterval(Duration.ofSeconds(2)).untilAsserted(() -> {
            List<String> silent = new ArrayList<>();
            for (JsonNode rule : prometheus().rules()) {
                assertThat(rule.get("health").asString()).as(rule.toString()).isEqualTo("ok");
                String measured =
                        THRESHOLD.matcher(rule.get("query").asString()).replaceFirst("");
                if (!hasData(measured)) {
                    silent.add(rule.get("name").asString() + ": " + measured);
                }
            }
            assertThat(silent).as("rules without data").isEmpty();
        });
        assertThat(prometheus().rules()).hasSize(names(RULES).size());
    }

    @Test
    void alertsRingAndStaySilentAsTheirTestsSay() throws Exception {
        Path promtool = Prometheus.program("promtool");
        assumeTrue(promtool != null, "no promtool in PROMETHEUS_HOME or on the path");
        Process run = new ProcessBuilder(promtool.toString(), "test", "rules", "slim-infer.rules.test.yml")
                .directory(RULES.getParent().toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(run.getInputStream().readAllBytes());

        assertThat(run.waitFor()).as(output).isZero();
        assertThat(Files.readString(RULES.resolveSibling("slim-infer.rules.test.yml")))
                .as("an alert without a test")
                .contains(names(RULES).stream()
                        .filter(name -> !name.contains(":"))
                        .toList());
    }

    private static List<String> names(Path rules) throws IOException {
        Matcher names = Pattern.compile("- (?:alert|record): (\\S+)").matcher(Files.readString(rules));
        return names.results().map(result -> result.group(1)).toList();
    }

    private List<String> withoutData() throws IOException {
        List<String> silent = new ArrayList<>();
        for (Dashboard.Panel panel : dashboard.panels()) {
            for (Dashboard.Target target : panel.targets()) {
                if (!hasData(target.query())) {
                    silent.add(panel.title() + ": " + target.query());
                }
            }
        }
        return silent;
    }

    private boolean hasData(String query) throws IOException {
        return prometheus().range(query, from, now()).stream().anyMatch(Prometheus.Series::hasNumbers);
    }

    private Prometheus prometheus() {
        assertThat(prometheus).isNotNull();
        return prometheus;
    }

    private void questions(boolean dense) {
        List<String> things = List.of("pump P-113", "pump P-208", "sensor S-632", "valve V-417");
        for (int i = 0; loading; i++) {
            ask("What is the supplier of " + things.get(i % things.size()) + "?", dense);
        }
    }

    private void ask(String question, boolean dense) {
        try {
            HttpResponse<String> response = http.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/ask"))
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(
                                    "{\"question\": \"" + question + "\", \"dense\": " + dense + "}"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            if (response.body().contains("event:finished")) {
                answered.incrementAndGet();
            }
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void shortPrompts() {
        while (loading) {
            direct("The supplier of pump P-113 is Halden Works. What is the supplier of pump P-113?");
        }
    }

    /** More at once than may run and wait, now and then. */
    private void bursts() {
        while (loading) {
            for (int i = 0; i < 6; i++) {
                callers.execute(() -> direct("Which pump?"));
            }
            try {
                TimeUnit.SECONDS.sleep(4);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void direct(String text) {
        try {
            model.call(
                    new Prompt(text, SlimInferChatOptions.builder().maxTokens(8).build()));
        } catch (EngineException refused) {
            // The point of a burst.
        }
    }

    private String picture(Prometheus source) throws IOException {
        double to = now();
        List<PanelImage.Panel> panels = new ArrayList<>();
        for (Dashboard.Panel panel : dashboard.panels()) {
            if (panel.type().equals("timeseries")) {
                Map<String, List<Prometheus.Point>> series = new LinkedHashMap<>();
                for (Dashboard.Target target : panel.targets()) {
                    for (Prometheus.Series one : source.range(target.query(), from, to)) {
                        series.put(legend(target.legend(), one.labels()), one.points());
                    }
                }
                panels.add(new PanelImage.Panel(panel.title(), panel.unit(), series));
            }
        }
        return PanelImage.svg(panels, from, to);
    }

    private static String legend(String template, Map<String, String> labels) {
        return Pattern.compile("\\{\\{(\\w+)}}")
                .matcher(template)
                .replaceAll(label -> Matcher.quoteReplacement(labels.getOrDefault(label.group(1), "")));
    }

    private static double now() {
        return System.currentTimeMillis() / 1e3;
    }
}
