package io.sliminfer.samples.rag.dashboards;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Prometheus of this test's own, on a free port of 127.0.0.1, with its data in a folder. */
final class Prometheus implements AutoCloseable {

    /** One series: labels, and points in time order. */
    record Series(Map<String, String> labels, List<Point> points) {

        boolean hasNumbers() {
            return points.stream().anyMatch(point -> Double.isFinite(point.value()));
        }
    }

    record Point(double seconds, double value) {}

    private final Process process;
    private final String root;
    private final HttpClient http = HttpClient.newHttpClient();

    private Prometheus(Process process, String root) {
        this.process = process;
        this.root = root;
    }

    /** The program of this name in {@code PROMETHEUS_HOME} or on the path, or null. */
    static @Nullable Path program(String name) {
        String home = System.getenv().getOrDefault("PROMETHEUS_HOME", "");
        return Stream.concat(Stream.of(home), Stream.of(System.getenv("PATH").split(":")))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
    }

    /**
     * Starts with the given configuration, its target replaced.
     *
     * @param config prometheus.yml; rule files lie beside it
     * @param target host and port to scrape each second
     */
    static Prometheus start(Path program, Path config, String target, Path folder) throws IOException {
        String text = Files.readString(config)
                .replaceAll("(scrape|evaluation)_interval: .*", "$1_interval: 1s")
                .replaceAll("targets: .*", "targets: [\"" + target + "\"]")
                .replaceAll(
                        "- (\\S+\\.rules\\.yml)", "- " + config.toAbsolutePath().getParent() + "/$1");
        Path changed = Files.writeString(folder.resolve("prometheus.yml"), text);
        int port = freePort();
        Process process = new ProcessBuilder(
                        program.toString(),
                        "--config.file=" + changed,
                        "--storage.tsdb.path=" + folder.resolve("data"),
                        "--web.listen-address=127.0.0.1:" + port)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        return new Prometheus(process, "http://127.0.0.1:" + port);
    }

    /** Prometheus cannot be asked which port it took, so it is given one that was free a moment ago. */
    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    boolean isReady() {
        try {
            return send("/-/ready").statusCode() == 200;
        } catch (IOException e) {
            return false; // not listening yet
        }
    }

    /** A query at each second of a period. */
    List<Series> range(String query, double fromSeconds, double toSeconds) throws IOException {
        JsonNode result = get("/api/v1/query_range?query=" + encoded(query) + "&start=" + fromSeconds + "&end="
                        + toSeconds + "&step=1")
                .get("result");
        List<Series> series = new ArrayList<>();
        for (JsonNode one : result) {
            Map<String, String> labels = new LinkedHashMap<>();
            one.get("metric")
                    .properties()
                    .forEach(
                            label -> labels.put(label.getKey(), label.getValue().asString()));
            List<Point> points = new ArrayList<>();
            for (JsonNode point : one.get("values")) {
                points.add(
                        new Point(point.get(0).asDouble(), number(point.get(1).asString())));
            }
            series.add(new Series(labels, points));
        }
        return series;
    }

    /** Rules as it has read them, with their health. */
    List<JsonNode> rules() throws IOException {
        List<JsonNode> rules = new ArrayList<>();
        get("/api/v1/rules").get("groups").forEach(group -> group.get("rules").forEach(rules::add));
        return rules;
    }

    private static double number(String text) {
        return switch (text) {
            case "+Inf" -> Double.POSITIVE_INFINITY;
            case "-Inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
        };
    }

    private JsonNode get(String path) throws IOException {
        HttpResponse<String> response = send(path);
        if (response.statusCode() != 200) {
            throw new IOException(path + ": " + response.body());
        }
        return JsonMapper.shared().readTree(response.body()).get("data");
    }

    private HttpResponse<String> send(String path) throws IOException {
        try {
            return http.send(
                    HttpRequest.newBuilder(URI.create(root + path)).build(), HttpResponse.BodyHandlers.ofString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    private static String encoded(String query) {
        return URLEncoder.encode(query, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        process.destroy();
        process.onExit().orTimeout(30, TimeUnit.SECONDS).join();
    }
}
