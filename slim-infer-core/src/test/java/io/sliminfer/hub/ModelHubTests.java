package io.sliminfer.hub;

import static io.sliminfer.hub.FakeHub.COMMIT;
import static io.sliminfer.hub.FakeHub.MODEL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.ModelFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

class ModelHubTests {

    private static final String TOKEN = "hf_secretSecretSecret";
    private static final String WEIGHTS = "model.safetensors";

    @TempDir
    private Path temporary;

    private final List<Duration> pauses = new ArrayList<>();
    private FakeHub hub;
    private @Nullable String token = TOKEN;

    @BeforeEach
    void start() throws IOException {
        hub = new FakeHub();
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private Path cache() {
        return temporary.resolve("cache");
    }

    private Path folder() {
        return cache().resolve("models--acme--tiny");
    }

    private Path snapshot() {
        return folder().resolve("snapshots").resolve(COMMIT);
    }

    private Path partial() {
        return folder().resolve("blobs")
                .resolve(FakeHub.hash("SHA-256", hub.content(WEIGHTS)) + ".slim-infer.incomplete");
    }

    private HubSettings settings(boolean offline) {
        return HubSettings.of(hub.endpoint(), token == null ? "" : token, cache(), offline);
    }

    private Path fetch(HubModel model, boolean offline) {
        return new ModelHub(settings(offline), pauses::add, Duration.ofMillis(400), Files::createSymbolicLink)
                .fetch(model);
    }

    private Path fetch() {
        return fetch(MODEL, false);
    }

    private ThrowableAssertAlternative<HubException> assertRefused() {
        return assertThatExceptionOfType(HubException.class)
                .isThrownBy(this::fetch)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain(TOKEN));
    }

    private List<String> filesOf(Path snapshot) throws IOException {
        try (Stream<Path> files = Files.walk(snapshot)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> snapshot.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    @Test
    void bringsWhatAModelNeedsInTheLayoutOfTheHubsOwnTools() throws IOException {
        hub.file("chat_template.jinja", "{{ x }}")
                .file("additional_chat_templates/tool_use.jinja", "{{ y }}")
                .file("consolidated.safetensors", new byte[10])
                .file("onnx/model.onnx", new byte[10]);

        Path folder = fetch();

        assertThat(folder).isEqualTo(snapshot());
        assertThat(filesOf(folder))
                .containsExactly(
                        "additional_chat_templates/tool_use.jinja",
                        "chat_template.jinja",
                        "config.json",
                        WEIGHTS,
                        "tokenizer.json",
                        "tokenizer_config.json");
        for (String name : filesOf(folder)) {
            assertThat(folder.resolve(name)).hasBinaryContent(hub.content(name));
        }
        String sha256 = FakeHub.hash("SHA-256", hub.content(WEIGHTS));
        assertThat(Files.readSymbolicLink(folder.resolve(WEIGHTS))).isEqualTo(Path.of("../../blobs/" + sha256));
        assertThat(Files.readSymbolicLink(folder.resolve("config.json")))
                .isEqualTo(Path.of("../../blobs/" + FakeHub.gitId(hub.content("config.json"))));
        assertThat(folder().resolve("refs/main")).hasContent(COMMIT);
        assertThat(partial()).doesNotExist();
    }

    @Test
    void aDownloadedModelOpens() throws IOException {
        Path written = new ModelFolderWriter("llama").shards(2).write(temporary.resolve("written"));
        hub.without(WEIGHTS);
        for (String name : filesOf(written)) {
            hub.file(name, Files.readAllBytes(written.resolve(name)));
        }

        try (ModelFolder downloaded = ModelFolder.open(fetch());
                ModelFolder original = ModelFolder.open(written)) {
            assertThat(downloaded.name()).isEqualTo("acme/tiny");
            assertThat(downloaded.config()).isEqualTo(original.config());
            String tensor = "model.layers.1.mlp.down_proj.weight";
            assertThat(downloaded.tensor(tensor).rows(0, 16))
                    .isEqualTo(original.tensor(tensor).rows(0, 16));
        }
    }

    @Test
    void knowsTheIdOfABlobInGit() {
        // git hash-object of a file with "hello\n"
        assertThat(FakeHub.gitId("hello\n".getBytes(StandardCharsets.UTF_8)))
                .isEqualTo("ce013625030ba8dba906f756967f9e9ca394464a");
    }

    @Test
    void loadsNothingTwice() {
        fetch();
        hub.forget();

        assertThat(fetch()).isEqualTo(snapshot());

        assertThat(hub.hubRequests())
                .extracting(FakeHub.Request::path)
                .containsExactly("/api/models/acme/tiny/revision/main?blobs=true");
        assertThat(hub.storeRequests()).isEmpty();
    }

    @Test
    void usesWhatAnotherToolLeft() throws IOException {
        Path blob = folder().resolve("blobs").resolve(FakeHub.hash("SHA-256", hub.content(WEIGHTS)));
        Files.createDirectories(blob.getParent());
        Files.write(blob, hub.content(WEIGHTS));

        assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));
        assertThat(hub.storeRequests()).isEmpty();
    }

    @Test
    void asksForTheRevision() throws IOException {
        Path folder = fetch(HubModel.parse("acme/tiny@refs/pr/1"), false);

        assertThat(folder).isEqualTo(snapshot());
        assertThat(hub.hubRequests().get(0).path())
                .isEqualTo("/api/models/acme/tiny/revision/refs%2Fpr%2F1?blobs=true");
        assertThat(folder().resolve("refs/refs/pr/1")).hasContent(COMMIT);
    }

    @Test
    void theTokenGoesToTheHubAlone() {
        fetch();

        assertThat(hub.hubRequests())
                .hasSizeGreaterThan(4)
                .extracting(FakeHub.Request::authorization)
                .containsOnly("Bearer " + TOKEN);
        assertThat(hub.storeRequests())
                .extracting(FakeHub.Request::authorization)
                .containsExactly((String) null);
    }

    @Test
    void noTokenIsSentWithoutOne() {
        token = null;
        fetch();

        assertThat(hub.hubRequests()).extracting(FakeHub.Request::authorization).containsOnlyNulls();
    }

    @Test
    void continuesAfterABrokenConnection() {
        hub.cut(1_000_000, 500_000);

        assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));

        assertThat(hub.storeRequests()).hasSize(3);
        assertThat(hub.storeRequests().get(0).range()).isNull();
        assertThat(hub.storeRequests().get(1).range()).isEqualTo("bytes=1000000-");
        assertThat(hub.storeRequests().get(2).range()).isEqualTo("bytes=1500000-");
        // Attempts count from the last byte that came.
        assertThat(pauses).containsExactly(Duration.ofSeconds(1), Duration.ofSeconds(1));
    }

    @Test
    void continuesWhatAnEarlierRunLeft() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), Arrays.copyOf(hub.content(WEIGHTS), 2_000_000));

        assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));

        assertThat(hub.storeRequests()).extracting(FakeHub.Request::range).containsExactly("bytes=2000000-");
    }

    @Test
    void startsAgainWhereTheServerHasNoRanges() throws IOException {
        hub.withoutRanges();
        Files.createDirectories(partial().getParent());
        Files.write(partial(), new byte[2_000_000]);

        assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));
        assertThat(hub.storeRequests()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {2_000_000, 3_000_000, 4_000_000})
    void startsAgainIfWhatWasLeftIsDamaged(int bytes) throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), new byte[bytes]);

        assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));
    }

    @Test
    void takesNothingWithAWrongChecksum() throws IOException {
        hub.damage(content -> {
            content[0] ^= 1;
            return content;
        });

        assertRefused()
                .withMessageStartingWith("model.safetensors of acme/tiny@main was downloaded twice and has checksum ")
                .withMessageContaining("; the hub says " + FakeHub.hash("SHA-256", hub.content(WEIGHTS)) + ".");
        assertThat(partial()).doesNotExist();
        assertThat(snapshot().resolve(WEIGHTS)).doesNotExist();
        assertThat(folder().resolve("refs/main")).doesNotExist();
    }

    @Test
    void takesNoMoreThanTheHubSays() {
        hub.damage(content -> Arrays.copyOf(content, content.length + 5_000_000));

        assertRefused()
                .withMessageStartingWith(
                        "model.safetensors of acme/tiny@main has more than the 3000000 bytes that the hub says.");
    }

    @Test
    void endsAConnectionThatBringsNothing() {
        hub.stalling();

        assertRefused()
                .withMessageContaining(
                        "model.safetensors of acme/tiny@main cannot be downloaded: nothing came for 0 s (5 attempts).");
    }

    @Test
    void loadsTheShardsThatTheIndexNames() throws IOException {
        hub.without(WEIGHTS)
                .file(
                        "model.safetensors.index.json",
                        """
                        {"weight_map": {"a": "model-1 of 2.safetensors", "b": "model-2.safetensors", "c": "model-1 of 2.safetensors"}}""")
                .file("model-1 of 2.safetensors", FakeHub.weights(10_000, 3))
                .file("model-2.safetensors", FakeHub.weights(20_000, 4))
                .file("other.safetensors", FakeHub.weights(20_000, 5));

        Path folder = fetch();

        assertThat(folder.resolve("model-1 of 2.safetensors"))
                .hasBinaryContent(hub.content("model-1 of 2.safetensors"));
        assertThat(folder.resolve("model-2.safetensors")).hasBinaryContent(hub.content("model-2.safetensors"));
        assertThat(folder.resolve("other.safetensors")).doesNotExist();
    }

    @Test
    void saysThatAShardIsMissing() {
        hub.without(WEIGHTS).file("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"model-1.safetensors\"}}");

        assertRefused()
                .withMessageStartingWith("acme/tiny@main has no file model-1.safetensors at commit " + COMMIT + ".");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../evil.safetensors", "/tmp/evil.safetensors", "a/b.safetensors", "C:evil", "a\\\\b"})
    void noNameLeadsOutOfTheFolder(String name) {
        hub.without(WEIGHTS)
                .file("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"" + name + "\"}}")
                .file(name, FakeHub.weights(10, 1));

        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(this::fetch)
                .withMessageContaining("weight_map names the file \"" + name.replace("\\\\", "\\") + "\"");
        assertThat(hub.storeRequests()).isEmpty();
    }

    @Test
    void aChecksumThatIsAPathIsNotTaken() {
        hub.listing(root -> {
            root.withArray("siblings").forEach(sibling -> ((ObjectNode) sibling).put("blobId", "../../../../evil"));
            return root;
        });

        assertRefused()
                .withMessageStartingWith("The hub does not say size and checksum of config.json of acme/tiny@main.");
    }

    @Test
    void refusesAModelThatCannotRunBeforeItsWeights() {
        hub.file("config.json", "{\"model_type\": \"mamba\"}");

        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(this::fetch)
                .withMessageContaining("mamba");
        assertThat(hub.storeRequests()).isEmpty();
    }

    @Test
    void saysWhichFileARepositoryLacks() {
        hub.without("tokenizer.json");
        assertRefused()
                .withMessage("acme/tiny@main has no tokenizer.json at commit " + COMMIT + "."
                        + " Choose a repository with config.json, tokenizer.json and safetensors weights"
                        + " (adapters and files for other programs alone are not enough).");

        hub.without("config.json");
        assertRefused().withMessageStartingWith("acme/tiny@main has no config.json at commit ");
    }

    @Test
    void saysThatThereAreNoSafetensors() {
        hub.without(WEIGHTS)
                .file("a.gguf", "x")
                .file("b.bin", "x")
                .file("c.bin", "x")
                .file("d.bin", "x");
        assertRefused()
                .withMessage("acme/tiny@main has neither model.safetensors nor model.safetensors.index.json"
                        + " (it has a.gguf, b.bin, c.bin and 2 more)."
                        + " Name one of its GGUF files: hf:acme/tiny/FILE.gguf.");
        hub.without("a.gguf");
        assertRefused()
                .withMessageEndingWith(
                        "Choose a repository or revision with safetensors weights or GGUF files; other forms are not downloaded.");
    }

    @Test
    void bringsAGgufFileAlone() throws IOException {
        hub.without(WEIGHTS).without("config.json").file("Q8/tiny.gguf", FakeHub.weights(1000, 9));
        HubModel model = HubModel.parse("acme/tiny/Q8/tiny.gguf");

        Path file = fetch(model, false);

        assertThat(file).isEqualTo(snapshot().resolve("Q8/tiny.gguf")).hasBinaryContent(hub.content("Q8/tiny.gguf"));
        assertThat(filesOf(snapshot())).containsExactly("Q8/tiny.gguf");
        assertThat(fetch(model, true)).isEqualTo(file);
    }

    @Test
    void bringsAllPartsOfASplitGgufFile() throws IOException {
        hub.file("m-00001-of-00002.gguf", FakeHub.weights(1000, 9))
                .file("m-00002-of-00002.gguf", FakeHub.weights(1000, 8));
        HubModel model = HubModel.parse("acme/tiny/m-00001-of-00002.gguf");

        fetch(model, false);

        assertThat(filesOf(snapshot())).containsExactly("m-00001-of-00002.gguf", "m-00002-of-00002.gguf");
        Files.delete(snapshot().resolve("m-00002-of-00002.gguf"));
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> fetch(model, true))
                .withMessageContaining("(no m-00002-of-00002.gguf)");
    }

    @Test
    void saysWhichGgufFilesThereAre() {
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> fetch(HubModel.parse("acme/tiny/x.gguf"), false))
                .withMessage("acme/tiny has no file x.gguf at commit " + COMMIT
                        + ". It has no GGUF files: name the repository alone, or another one.");
        hub.file("y.gguf", "y");
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> fetch(HubModel.parse("acme/tiny/x.gguf"), false))
                .withMessageEndingWith("Use one of y.gguf.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
            false | 401 |                  |                                                | has no model acme/tiny, or it is private or gated and no token is set. Check the name;
            true  | 401 |                  |                                                | has no model acme/tiny, or the token gives no access to it. Check the name;
            true  | 401 |                  | Invalid credentials in Authorization header    | does not accept the token. Set HF_TOKEN or slim-infer.hub.token to a valid token
            true  | 404 | RepoNotFound     | Repository not found                           | has no model acme/tiny, or the token gives no access to it.
            true  | 404 | RevisionNotFound | Invalid rev id                                 | acme/tiny has no revision 'main'. Use a branch, a tag or a full commit of
            true  | 403 | GatedRepo        | Access is restricted                           | acme/tiny is gated: its owner gives access to each account ("Access is restricted"). Ask for access at
            true  | 403 | GatedRepo        | x                                              | /acme/tiny with the account of the token that is set.
            false | 401 | GatedRepo        | x                                              | /acme/tiny, and set HF_TOKEN or slim-infer.hub.token to a token of that account.
            true  | 403 |                  | No                                             | Access to acme/tiny@main is forbidden ("No"). Use a token with the permission to read it
            false | 403 |                  |                                                | Access to acme/tiny@main is forbidden. Set HF_TOKEN or slim-infer.hub.token
            true  | 418 |                  | Tea                                            | answered 418 to the request for acme/tiny@main ("Tea"). Check slim-infer.hub.endpoint
            """)
    void saysWhyTheHubRefuses(
            boolean withToken, int status, @Nullable String code, @Nullable String text, String message) {
        token = withToken ? TOKEN : null;
        hub.refuse(1, status, "X-Error-Code", code == null ? "" : code, "X-Error-Message", text == null ? "" : text);

        assertRefused().withMessageContaining(message);
        assertThat(pauses).isEmpty();
    }

    @Test
    void saysThatAFileIsNotThere() {
        hub.listing(root -> {
            ObjectNode sibling = root.withArray("siblings").addObject();
            sibling.put("rfilename", "chat_template.jinja").put("size", 1).put("blobId", COMMIT);
            return root;
        });

        assertRefused().withMessage("chat_template.jinja of acme/tiny@main is not there. Choose another revision.");
    }

    @Test
    void waitsForABusyHub() {
        hub.refuse(1, 429, "Retry-After", "7").refuse(2, 503);

        fetch();

        assertThat(pauses).containsExactly(Duration.ofSeconds(7), Duration.ofSeconds(2), Duration.ofSeconds(4));
    }

    @Test
    void givesUpAfterFiveAttempts() {
        hub.refuse(5, 503);

        assertRefused()
                .withMessage(
                        "The list of files of acme/tiny@main cannot be downloaded: 127.0.0.1 answered 503 (5 attempts)."
                                + " Check the network, proxies (-Dhttps.proxyHost) and slim-infer.hub.endpoint (HF_ENDPOINT), and start"
                                + " again: downloads continue where they stopped. Without network download elsewhere and set"
                                + " slim-infer.hub.offline=true.");
        assertThat(pauses).hasSize(4);
    }

    @Test
    void usesTheCopyInTheCacheIfTheHubIsAway() {
        fetch();
        hub.close();

        assertThat(fetch()).isEqualTo(snapshot());
        assertThat(pauses).isEmpty();
    }

    @Test
    void saysThatTheHubIsAwayWithoutACopy() {
        hub.close();

        assertRefused()
                .withMessageStartingWith(
                        "The list of files of acme/tiny@main cannot be downloaded: no answer from 127.0.0.1 (");
    }

    @Test
    void aRefusalNamesTheCopyInTheCache() {
        fetch();
        hub.refuse(1, 401);

        assertRefused()
                .withMessageEndingWith(
                        "Or use the copy in the cache, " + snapshot() + ", by slim-infer.hub.offline=true.");
    }

    @Test
    void offlineAsksNobody() {
        fetch();
        hub.forget();

        assertThat(fetch(MODEL, true)).isEqualTo(snapshot());
        assertThat(fetch(HubModel.parse("acme/tiny@" + COMMIT), true)).isEqualTo(snapshot());
        assertThat(hub.hubRequests()).isEmpty();
    }

    @Test
    void offlineSaysWhatTheCacheLacks() throws IOException {
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> fetch(MODEL, true))
                .withMessage(
                        "acme/tiny@main is not in the cache " + cache()
                                + ", and slim-infer.hub.offline (HF_HUB_OFFLINE) forbids downloads."
                                + " Download it once with \"hf download acme/tiny --revision main\", or with slim-infer.hub.offline=false.");
        fetch();
        Files.delete(snapshot().resolve(WEIGHTS));
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> fetch(MODEL, true))
                .withMessageStartingWith("acme/tiny@main is incomplete in " + snapshot()
                        + " (no model.safetensors), and slim-infer.hub.offline");
    }

    @Test
    void asksForRoomBeforeItLoads() {
        hub.listing(root -> {
            root.withArray("siblings").forEach(sibling -> {
                if (sibling.has("lfs")) {
                    ((ObjectNode) sibling.get("lfs")).put("size", 1L << 60);
                }
            });
            return root;
        });

        assertRefused()
                .withMessageStartingWith(
                        "acme/tiny@main needs 1,152,921,504,606.8 MB more, but " + cache() + " has room for ")
                .withMessageEndingWith(
                        "Free room, or choose a folder on another disk by slim-infer.hub.cache (HF_HUB_CACHE).");
        assertThat(hub.storeRequests()).isEmpty();
    }

    @Test
    void saysThatTheAnswerIsNoneOfAHub() {
        hub.listing(root -> root.put("sha", "main"));
        assertRefused()
                .withMessage(
                        "What the hub says of acme/tiny@main names no commit."
                                + " Check slim-infer.hub.endpoint (HF_ENDPOINT) and proxies: is it a Hugging Face Hub that answers?");
    }

    @Test
    void saysThatTheAnswerIsNotJson() {
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> RemoteListing.parse(MODEL, "<html>".getBytes(StandardCharsets.UTF_8)))
                .withMessageStartingWith("What the hub says of acme/tiny@main is not JSON.");
    }

    @ParameterizedTest
    @CsvSource({"ftp://127.0.0.1/x,redirects from http to ftp.", "file:///etc/passwd,redirects from http to file."})
    void followsNoRedirectOffTheWeb(String location, String message) {
        hub.redirect(location);

        assertRefused().withMessageContaining(message);
    }

    @Test
    void leavesARedirectThatGoesInCircles() {
        hub.redirect("/acme/tiny/resolve/" + COMMIT + "/" + WEIGHTS);

        assertRefused()
                .withMessage(hub.endpoint() + " redirects in circles. Check slim-infer.hub.endpoint (HF_ENDPOINT).");
    }

    @Test
    void saysThatTheCacheCannotBeWritten() throws IOException {
        Files.writeString(temporary.resolve("cache"), "a file");

        assertRefused()
                .withMessageStartingWith("The cache of acme/tiny@main, " + folder() + ", cannot be read or written: ")
                .withMessageEndingWith("Free it, or choose another folder by slim-infer.hub.cache (HF_HUB_CACHE).");
    }

    @Test
    void keepsFilesInTheSnapshotWhereLinksCannotBeMade() throws IOException {
        ModelHub windows = new ModelHub(settings(false), pauses::add, Duration.ofSeconds(5), (link, target) -> {
            throw new FileSystemException(link.toString(), null, "A required privilege is not held by the client");
        });

        Path folder = windows.fetch(MODEL);

        assertThat(Files.isRegularFile(folder.resolve(WEIGHTS), LinkOption.NOFOLLOW_LINKS))
                .isTrue();
        assertThat(folder.resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));
        hub.forget();
        assertThat(windows.fetch(MODEL)).isEqualTo(folder);
        assertThat(hub.storeRequests()).isEmpty();
    }

    @Test
    void stopsWhenInterrupted() {
        hub.refuse(1, 503);
        ModelHub interrupted = new ModelHub(
                settings(false),
                duration -> {
                    throw new InterruptedException();
                },
                Duration.ofSeconds(5),
                Files::createSymbolicLink);

        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> interrupted.fetch(MODEL))
                .withMessage("The download was interrupted. Start again: it continues where it stopped.");
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void theLogSaysWhatIsLoadedAndHoldsNoToken() {
        ListAppender<ILoggingEvent> logged = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger("io.sliminfer.hub");
        Level level = logger.getLevel();
        logger.setLevel(Level.TRACE);
        logger.addAppender(logged);
        logged.start();
        try {
            hub.refuse(1, 503);
            fetch();
        } finally {
            logger.detachAppender(logged);
            logger.setLevel(level);
        }

        assertThat(logged.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .containsExactly(
                        "The list of files of acme/tiny@main: 127.0.0.1 answered 503; attempt 2 in 1 s",
                        "Downloading acme/tiny@main (commit 01234567): 3 files, 0.0 MB, to " + folder(),
                        "Downloaded acme/tiny@main: 3 files",
                        "Downloading acme/tiny@main (commit 01234567): 1 files, 3.0 MB, to " + folder(),
                        "Downloaded acme/tiny@main: 1 files")
                .noneMatch(message -> message.contains(TOKEN));
    }

    @Test
    void threadsMayRace() throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(6);
        try {
            List<Callable<Path>> racers = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                racers.add(this::fetch);
            }
            for (Future<Path> racer : executor.invokeAll(racers)) {
                assertThat(racer.get().resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));
            }
            assertThat(hub.storeRequests()).hasSize(1);
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void processesMayRace() throws Exception {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            processes.add(new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx64m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Racer.class.getName(),
                            hub.endpoint(),
                            cache().toString())
                    .redirectErrorStream(true)
                    .start());
        }
        for (Process process : processes) {
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(output).contains("folder=" + snapshot());
        }
        assertThat(snapshot().resolve(WEIGHTS)).hasBinaryContent(hub.content(WEIGHTS));
        assertThat(hub.storeRequests()).hasSize(1);
    }

    /** Another JVM that wants the same model. */
    static final class Racer {
        public static void main(String[] arguments) {
            HubSettings settings = HubSettings.of(arguments[0], "", Path.of(arguments[1]), false);
            System.out.println("folder=" + new ModelHub(settings).fetch(MODEL));
        }
    }
}
