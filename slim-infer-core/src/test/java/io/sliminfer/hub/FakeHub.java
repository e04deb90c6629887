package io.sliminfer.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A hub with one model, as huggingface.co answers: a listing, small files from git, weights by a redirect to another host (a second
 * server on this machine). It can be told to misbehave.
 */
final class FakeHub implements AutoCloseable {

    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    static final HubModel MODEL = HubModel.parse("acme/tiny");

    private static final JsonMapper MAPPER = new JsonMapper();

    /** What came in; the token is null without one. */
    record Request(String path, @Nullable String authorization, @Nullable String range) {}

    private record Refusal(int status, Map<String, String> headers) {}

    private final Map<String, byte[]> files = new TreeMap<>();
    private final List<Request> hubRequests = new ArrayList<>();
    private final List<Request> storeRequests = new ArrayList<>();
    private final Queue<Refusal> refusals = new ArrayDeque<>();
    private final Queue<Integer> cuts = new ArrayDeque<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer hub;
    private final HttpServer store;
    private UnaryOperator<byte[]> damage = UnaryOperator.identity();
    private UnaryOperator<ObjectNode> listing = UnaryOperator.identity();
    private @Nullable String redirect;
    private boolean ranges = true;
    private boolean stalls;

    FakeHub() throws IOException {
        hub = server(this::answerHub);
        store = server(this::answerStore);
        file("README.md", "# tiny");
        file("config.json", "{\"model_type\": \"llama\", \"eos_token_id\": 2}");
        file("tokenizer.json", "{}");
        file("tokenizer_config.json", "{\"chat_template\": \"x\"}");
        file("model.safetensors", weights(3_000_000, 1));
        file("pytorch_model.bin", weights(1000, 2));
    }

    static byte[] weights(int bytes, int seed) {
        byte[] content = new byte[bytes];
        new java.util.Random(seed).nextBytes(content);
        return content;
    }

    private HttpServer server(com.sun.net.httpserver.HttpHandler handler) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", handler);
        server.setExecutor(threads);
        server.start();
        return server;
    }

    String endpoint() {
        return "http://127.0.0.1:" + hub.getAddress().getPort();
    }

    FakeHub file(String name, String content) {
        return file(name, content.getBytes(StandardCharsets.UTF_8));
    }

    synchronized FakeHub file(String name, byte[] content) {
        files.put(name, content);
        return this;
    }

    synchronized FakeHub without(String name) {
        files.remove(name);
        return this;
    }

    synchronized byte[] content(String name) {
        byte[] content = files.get(name);
        if (content == null) {
            throw new IllegalArgumentException(name);
        }
        return content;
    }

    /** The next requests to the hub get this answer. */
    synchronized FakeHub refuse(int times, int status, String... headers) {
        Map<String, String> map = new TreeMap<>();
        for (int i = 0; i < headers.length; i += 2) {
            map.put(headers[i], headers[i + 1]);
        }
        for (int i = 0; i < times; i++) {
            refusals.add(new Refusal(status, map));
        }
        return this;
    }

    /** The next answers of the store end after so many bytes each. */
    synchronized FakeHub cut(Integer... bytes) {
        cuts.addAll(Arrays.asList(bytes));
        return this;
    }

    /** Changes what the store sends. */
    synchronized FakeHub damage(UnaryOperator<byte[]> change) {
        damage = change;
        return this;
    }

    synchronized FakeHub listing(UnaryOperator<ObjectNode> change) {
        listing = change;
        return this;
    }

    synchronized FakeHub withoutRanges() {
        ranges = false;
        return this;
    }

    /** The store announces large files and then sends nothing. */
    synchronized FakeHub stalling() {
        stalls = true;
        return this;
    }

    /** Where requests for weights are sent instead of to the store. */
    synchronized FakeHub redirect(String location) {
        redirect = location;
        return this;
    }

    synchronized List<Request> hubRequests() {
        return List.copyOf(hubRequests);
    }

    synchronized List<Request> storeRequests() {
        return List.copyOf(storeRequests);
    }

    synchronized void forget() {
        hubRequests.clear();
        storeRequests.clear();
    }

    private static Request request(HttpExchange exchange) {
        return new Request(
                exchange.getRequestURI().toString(),
                exchange.getRequestHeaders().getFirst("Authorization"),
                exchange.getRequestHeaders().getFirst("Range"));
    }

    private void answerHub(HttpExchange exchange) throws IOException {
        try (exchange) {
            Refusal refusal;
            synchronized (this) {
                hubRequests.add(request(exchange));
                refusal = refusals.poll();
            }
            String path = exchange.getRequestURI().getPath();
            String resolve = "/acme/tiny/resolve/" + COMMIT + "/";
            if (refusal != null) {
                refusal.headers().forEach(exchange.getResponseHeaders()::set);
                exchange.sendResponseHeaders(refusal.status(), -1);
            } else if (path.startsWith("/api/models/acme/tiny/revision/")) {
                send(exchange, 200, listing(), Integer.MAX_VALUE);
            } else if (path.startsWith(resolve) && files.containsKey(path.substring(resolve.length()))) {
                String name = path.substring(resolve.length());
                if (isStored(name)) {
                    String location = redirect == null
                            ? "http://127.0.0.1:" + store.getAddress().getPort() + "/" + name.replace(" ", "%20")
                                    + "?signature=s%2Fx"
                            : redirect;
                    exchange.getResponseHeaders().set("Location", location);
                    exchange.sendResponseHeaders(302, -1);
                } else {
                    send(exchange, 200, content(name), Integer.MAX_VALUE);
                }
            } else {
                exchange.getResponseHeaders().set("X-Error-Code", "EntryNotFound");
                exchange.sendResponseHeaders(404, -1);
            }
        }
    }

    private void answerStore(HttpExchange exchange) throws IOException {
        try (exchange) {
            Integer cut;
            synchronized (this) {
                storeRequests.add(request(exchange));
                cut = cuts.poll();
            }
            byte[] content = content(exchange.getRequestURI().getPath().substring(1));
            int from = 0;
            String range = exchange.getRequestHeaders().getFirst("Range");
            if (range != null && ranges) {
                from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
                exchange.getResponseHeaders()
                        .set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
            }
            byte[] rest = damage.apply(Arrays.copyOfRange(content, from, content.length));
            send(exchange, from > 0 ? 206 : 200, rest, cut == null ? Integer.MAX_VALUE : cut);
        }
    }

    private void send(HttpExchange exchange, int status, byte[] content, int limit) throws IOException {
        exchange.sendResponseHeaders(status, content.length == 0 ? -1 : content.length);
        if (content.length > 0) {
            exchange.getResponseBody().flush(); // newer JDKs keep the headers back for the first bytes
        }
        try (OutputStream out = exchange.getResponseBody()) {
            if (stalls && content.length > 100_000) {
                Thread.sleep(60_000);
            }
            out.write(content, 0, Math.min(limit, content.length));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            // The answer was cut, or its reader is gone: both are wanted.
        }
    }

    static boolean isStored(String name) {
        return name.endsWith(".safetensors") || name.endsWith(".bin") || name.endsWith(".gguf");
    }

    private synchronized byte[] listing() {
        ObjectNode root = MAPPER.createObjectNode().put("id", "acme/tiny").put("sha", COMMIT);
        ArrayNode siblings = root.putArray("siblings");
        files.forEach((name, content) -> {
            ObjectNode sibling = siblings.addObject().put("rfilename", name).put("size", content.length);
            sibling.put("blobId", gitId(content));
            if (isStored(name)) {
                sibling.putObject("lfs")
                        .put("size", content.length)
                        .put("sha256", hash("SHA-256", content))
                        .put("pointerSize", 135);
            }
        });
        return listing.apply(root).toString().getBytes(StandardCharsets.UTF_8);
    }

    static String gitId(byte[] content) {
        byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] whole = Arrays.copyOf(header, header.length + content.length);
        System.arraycopy(content, 0, whole, header.length, content.length);
        return hash("SHA-1", whole);
    }

    static String hash(String algorithm, byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }
}
