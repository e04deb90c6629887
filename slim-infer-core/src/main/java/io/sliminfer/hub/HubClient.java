package io.sliminfer.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The hub's HTTP API. Redirects are followed by hand, because weights lie on other hosts (a CDN, signed URLs): the token goes to the
 * endpoint's own host alone. Any thread.
 */
final class HubClient {

    private static final int REDIRECTS_MAX = 10;
    private static final int LISTING_BYTES_MAX = 64 << 20;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(30);
    private static final Set<Integer> BUSY = Set.of(408, 425, 429, 500, 502, 503, 504);
    private static final int SERVER_TEXT_MAX = 200;

    private final HubSettings settings;
    private final HttpClient http;

    HubClient(HubSettings settings) {
        this.settings = settings;
        this.http = HttpClient.newBuilder()
                .connectTimeout(CONNECT_TIMEOUT)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build();
    }

    /**
     * What a commit holds.
     *
     * @throws HubException if there is no such model or revision, or no access to it
     * @throws IOException  if trying again may help
     */
    RemoteListing listing(HubModel model) throws IOException {
        URI uri = uri("/api/models/" + model.id() + "/revision/" + encode(model.revision()) + "?blobs=true");
        HttpResponse<InputStream> response = get(uri, 0);
        try (InputStream body = response.body()) {
            if (response.statusCode() != 200) {
                throw refusal(model, model.toString(), response);
            }
            byte[] answer = body.readNBytes(LISTING_BYTES_MAX + 1);
            if (answer.length > LISTING_BYTES_MAX) {
                throw new HubException(
                        "What the hub says of " + model + " has more than " + LISTING_BYTES_MAX + " bytes.",
                        "Check slim-infer.hub.endpoint (HF_ENDPOINT): is it a Hugging Face Hub?");
            }
            return RemoteListing.parse(model, answer);
        }
    }

    /**
     * The content of a file from an offset on, or from its start where the server does not do ranges. The commit in the URL names one
     * content for ever, so a range needs no If-Range (and etags of CDNs are not the hub's); the checksum is judged at the end.
     *
     * @throws HubException if there is no such file, or no access to it
     * @throws IOException  if trying again may help
     */
    Content content(HubModel model, String commit, RemoteFile file, long offset) throws IOException {
        String path =
                Arrays.stream(file.name().split("/")).map(HubClient::encode).collect(Collectors.joining("/"));
        URI uri = uri("/" + model.id() + "/resolve/" + commit + "/" + path);
        HttpResponse<InputStream> response = get(uri, offset);
        int status = response.statusCode();
        if (status == 200) {
            return new Content(response.body(), 0);
        }
        if (status == 206 && isFrom(offset, file.bytes(), response)) {
            return new Content(response.body(), offset);
        }
        response.body().close();
        if (status != 206 && status != 416) {
            throw refusal(model, file.name() + " of " + model, response);
        }
        if (offset == 0) {
            throw new IOException("the server answered " + status + " to a request for the whole of " + file.name());
        }
        return content(model, commit, file, 0);
    }

    /** @param start offset of its first byte in the file */
    record Content(InputStream stream, long start) {}

    private static boolean isFrom(long offset, long bytes, HttpResponse<?> response) {
        return response.headers()
                .firstValue("Content-Range")
                .filter(("bytes " + offset + "-" + (bytes - 1) + "/" + bytes)::equals)
                .isPresent();
    }

    private HttpResponse<InputStream> get(URI start, long offset) throws IOException {
        URI uri = start;
        for (int redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
            HttpResponse<InputStream> response = send(uri, offset);
            String location = response.headers().firstValue("Location").orElse(null);
            if (response.statusCode() / 100 != 3 || location == null) {
                return response;
            }
            response.body().close();
            uri = redirected(uri, location);
        }
        throw new HubException(
                settings.endpoint() + " redirects in circles.", "Check slim-infer.hub.endpoint (HF_ENDPOINT).");
    }

    private static URI redirected(URI from, String location) {
        URI to;
        try {
            to = from.resolve(new URI(location));
        } catch (URISyntaxException e) {
            throw new HubException(
                    from.getHost() + " redirects to something that is no URL.",
                    "Check slim-infer.hub.endpoint (HF_ENDPOINT).",
                    e);
        }
        boolean secure = "https".equalsIgnoreCase(to.getScheme());
        boolean allowed =
                secure || "http".equalsIgnoreCase(to.getScheme()) && !"https".equalsIgnoreCase(from.getScheme());
        if (!allowed || to.getHost() == null) {
            throw new HubException(
                    from.getHost() + " redirects from " + from.getScheme() + " to " + to.getScheme() + ".",
                    "This is not followed: use another endpoint (slim-infer.hub.endpoint, HF_ENDPOINT).");
        }
        return to;
    }

    private HttpResponse<InputStream> send(URI uri, long offset) throws IOException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .timeout(ANSWER_TIMEOUT)
                .header("User-Agent", "slim-infer; java/" + Runtime.version().feature())
                .header("Accept-Encoding", "identity");
        if (offset > 0) {
            request.header("Range", "bytes=" + offset + "-");
        }
        if (settings.token() != null && isEndpoint(uri)) {
            request.header("Authorization", "Bearer " + settings.token());
        }
        try {
            HttpResponse<InputStream> response = http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            if (BUSY.contains(response.statusCode())) {
                response.body().close();
                throw new Retry.BusyException(
                        uri.getHost() + " answered " + response.statusCode()
                                + (response.statusCode() == 429 ? " (too many requests)" : ""),
                        pause(response));
            }
            return response;
        } catch (InterruptedException e) {
            throw Retry.interrupted(e);
        } catch (Retry.BusyException e) {
            throw e;
        } catch (IOException e) {
            // The JDK's exceptions often have no text at all.
            String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new IOException("no answer from " + uri.getHost() + " (" + reason + ")", e);
        }
    }

    private boolean isEndpoint(URI uri) {
        URI endpoint = settings.endpoint();
        return uri.getScheme().equalsIgnoreCase(endpoint.getScheme())
                && uri.getHost().equalsIgnoreCase(endpoint.getHost())
                && uri.getPort() == endpoint.getPort();
    }

    private static @Nullable Duration pause(HttpResponse<?> response) {
        return response.headers()
                .firstValue("Retry-After")
                .filter(text -> text.matches("\\d{1,6}"))
                .map(text -> Duration.ofSeconds(Long.parseLong(text)))
                .orElse(null);
    }

    private HubException refusal(HubModel model, String what, HttpResponse<?> response) {
        int status = response.statusCode();
        String code = response.headers().firstValue("X-Error-Code").orElse("");
        boolean hasToken = settings.token() != null;
        String page = settings.endpoint() + "/" + model.id();
        if (code.equals("GatedRepo")) {
            return new HubException(
                    model.id() + " is gated: its owner gives access to each account" + said(response) + ".",
                    "Ask for access at " + page
                            + (hasToken
                                    ? " with the account of the token that is set."
                                    : ", and set HF_TOKEN or slim-infer.hub.token to a token of that account."));
        }
        if (code.equals("RevisionNotFound")) {
            return new HubException(
                    model.id() + " has no revision '" + model.revision() + "'.",
                    "Use a branch, a tag or a full commit of " + page + "/commits.");
        }
        if (code.equals("EntryNotFound")) {
            return new HubException(what + " is not there" + said(response) + ".", "Choose another revision.");
        }
        if (status == 401 && hasToken && said(response).toLowerCase(Locale.ROOT).contains("invalid credentials")) {
            return new HubException(
                    settings.endpoint() + " does not accept the token.",
                    "Set HF_TOKEN or slim-infer.hub.token to a valid token, or to none: \"hf auth login\" may have left an old one.");
        }
        if (status == 401 || status == 404) {
            return new HubException(
                    settings.endpoint() + " has no model " + model.id()
                            + (hasToken
                                    ? ", or the token gives no access to it."
                                    : ", or it is private or gated and no token is set."),
                    "Check the name; for a private or gated model set HF_TOKEN or slim-infer.hub.token to a token with access.");
        }
        if (status == 403) {
            return new HubException(
                    "Access to " + what + " is forbidden" + said(response) + ".",
                    hasToken
                            ? "Use a token with the permission to read it (HF_TOKEN, slim-infer.hub.token)."
                            : "Set HF_TOKEN or slim-infer.hub.token to a token with access.");
        }
        return new HubException(
                settings.endpoint() + " answered " + status + " to the request for " + what + said(response) + ".",
                "Check slim-infer.hub.endpoint (HF_ENDPOINT) and proxies.");
    }

    /** The server's own words, cut and without control characters. */
    private static String said(HttpResponse<?> response) {
        String text = response.headers().firstValue("X-Error-Message").orElse("");
        String clean = text.replaceAll("\\p{Cntrl}", " ").strip();
        String cut = clean.length() > SERVER_TEXT_MAX ? clean.substring(0, SERVER_TEXT_MAX) + "…" : clean;
        return cut.isEmpty() ? "" : " (\"" + cut + "\")";
    }

    private URI uri(String path) {
        return URI.create(settings.endpoint() + path);
    }

    private static String encode(String segment) {
        return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
