package io.sliminfer.hub;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where models come from and go to. Not set values are those of the environment variables that huggingface_hub reads, so that all
 * tools of a machine share models and tokens.
 *
 * @param endpoint the hub, or a mirror with the same API
 * @param token    sent to the endpoint's own host only
 * @param cache    folder of all models, with one {@code models--OWNER--NAME} each
 * @param offline  whether only what is in the cache is used
 */
public record HubSettings(URI endpoint, @Nullable String token, Path cache, boolean offline) {

    private static final String ENDPOINT = "https://huggingface.co";
    private static final long TOKEN_BYTES_MAX = 64 << 10;

    /**
     * @param endpoint null for {@code HF_ENDPOINT}, or else huggingface.co
     * @param token    null for {@code HF_TOKEN} or the file that {@code hf auth login} writes; empty for none
     * @param cache    null for {@code HF_HUB_CACHE}, or else {@code hub} in {@code HF_HOME}
     * @param offline  null for {@code HF_HUB_OFFLINE}
     * @throws HubException naming the property or variable whose value makes no sense
     */
    public static HubSettings of(
            @Nullable String endpoint, @Nullable String token, @Nullable Path cache, @Nullable Boolean offline) {
        return of(endpoint, token, cache, offline, System.getenv(), Path.of(System.getProperty("user.home")));
    }

    static HubSettings of(
            @Nullable String endpoint,
            @Nullable String token,
            @Nullable Path cache,
            @Nullable Boolean offline,
            Map<String, String> environment,
            Path home) {
        Environment variables = new Environment(environment, home);
        return new HubSettings(
                endpoint != null
                        ? endpoint("slim-infer.hub.endpoint", endpoint)
                        : endpoint("HF_ENDPOINT", variables.text(ENDPOINT, "HF_ENDPOINT")),
                token != null ? clean("slim-infer.hub.token", token) : variables.token(),
                (cache != null ? cache : variables.cache()).toAbsolutePath().normalize(),
                offline != null ? offline : variables.isTrue("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"));
    }

    private static URI endpoint(String source, String text) {
        String withoutSlash = text.strip().replaceAll("/+$", "");
        try {
            URI uri = new URI(withoutSlash);
            boolean http = "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
            if (http && uri.getHost() != null && uri.getUserInfo() == null && uri.getRawQuery() == null) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // Told below; the text is not shown, as it may hold a password.
        }
        throw new HubException(
                source + " is not the address of a hub.",
                "Use an http or https URL without user, password and query, such as " + ENDPOINT + ".");
    }

    /** A token may only hold what fits into a header; the message does not show it. */
    private static @Nullable String clean(String source, String token) {
        String clean = token.replace("\r", "").replace("\n", "").strip();
        if (!clean.chars().allMatch(character -> character > ' ' && character < 0x7f)) {
            throw new HubException(
                    source + " holds characters that no token has.", "Copy the token anew, or remove it.");
        }
        return clean.isEmpty() ? null : clean;
    }

    /** Without the token. */
    @Override
    public String toString() {
        return "HubSettings[endpoint=" + endpoint + ", token=" + (token == null ? "none" : "set") + ", cache=" + cache
                + ", offline=" + offline + "]";
    }

    /** The variables as {@code huggingface_hub.constants} reads them. An empty value counts as none. */
    private record Environment(Map<String, String> variables, Path home) {

        String text(String absent, String... names) {
            for (String name : names) {
                String value = variables.get(name);
                if (value != null && !value.isBlank()) {
                    return value.strip();
                }
            }
            return absent;
        }

        boolean isTrue(String... names) {
            return List.of("1", "ON", "YES", "TRUE").contains(text("", names).toUpperCase(Locale.ROOT));
        }

        Path path(Path absent, String... names) {
            String text = text("", names);
            if (text.isEmpty()) {
                return absent;
            }
            return text.equals("~") || text.startsWith("~/")
                    ? home.resolve(text.replaceFirst("~/?", ""))
                    : Path.of(text);
        }

        Path hubHome() {
            return path(path(home.resolve(".cache"), "XDG_CACHE_HOME").resolve("huggingface"), "HF_HOME");
        }

        Path cache() {
            return path(hubHome().resolve("hub"), "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE");
        }

        @Nullable
        String token() {
            if (isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
                return null;
            }
            String stated = text("", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
            if (!stated.isEmpty()) {
                return clean("HF_TOKEN", stated);
            }
            Path file = path(hubHome().resolve("token"), "HF_TOKEN_PATH");
            try {
                return Files.isRegularFile(file) && Files.size(file) <= TOKEN_BYTES_MAX
                        ? clean("The token file " + file, Files.readString(file))
                        : null;
            } catch (IOException e) {
                throw new HubException(
                        "The token file " + file + " cannot be read: "
                                + e.getClass().getSimpleName() + ".",
                        "Make it readable, or set HF_TOKEN.",
                        e);
            }
        }
    }
}
