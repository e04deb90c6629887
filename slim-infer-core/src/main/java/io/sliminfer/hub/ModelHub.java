package io.sliminfer.hub;

import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gets models from the Hugging Face Hub into the cache that all its tools share. The hub is asked at each call what a revision is
 * now; files that are there are not loaded again. Small files come first and are checked, so that a model which cannot run is refused
 * before its weights are loaded. Any thread, and several JVMs at once.
 */
public final class ModelHub {

    private static final Logger log = LoggerFactory.getLogger(ModelHub.class);
    private static final Duration STALL = Duration.ofSeconds(60);
    /** Room that a download leaves on the disk. */
    private static final long SPARE_BYTES = 64 << 20;

    private final HubSettings settings;
    private final HubClient client;
    private final Retry retry;
    private final Duration stall;
    private final HubCache.Linker linker;

    public ModelHub(HubSettings settings) {
        this(settings, duration -> Thread.sleep(duration.toMillis()), STALL, Files::createSymbolicLink);
    }

    ModelHub(HubSettings settings, Retry.Pause pause, Duration stall, HubCache.Linker linker) {
        this.settings = settings;
        this.client = new HubClient(settings);
        this.retry = new Retry(pause);
        this.stall = stall;
        this.linker = linker;
    }

    /**
     * The folder of a model in the cache, or its GGUF file there, complete. Where the hub does not answer, the copy that the cache has is used, with a
     * warning.
     *
     * @throws HubException         if it cannot be had
     * @throws ModelFormatException if its architecture or a small file is not supported
     */
    public Path fetch(HubModel model) {
        HubCache cache = new HubCache(settings.cache(), model, linker);
        try {
            Path cached = cached(cache, model);
            if (settings.offline()) {
                return cached == null ? refuseOffline(cache, model) : cached;
            }
            return download(cache, model, cached);
        } catch (IOException e) {
            throw new HubException(
                    "The cache of " + model + ", " + cache.folder() + ", cannot be read or written: " + e + ".",
                    "Free it, or choose another folder by slim-infer.hub.cache (HF_HUB_CACHE).",
                    e);
        }
    }

    private @Nullable Path cached(HubCache cache, HubModel model) throws IOException {
        String commit = cache.commit(model.revision());
        return commit != null
                        && FileSelection.missing(model, cache.snapshot(commit)).isEmpty()
                ? place(model, cache.snapshot(commit))
                : null;
    }

    /** What is opened of a snapshot. */
    private static Path place(HubModel model, Path snapshot) {
        return model.file() == null ? snapshot : snapshot.resolve(model.file());
    }

    private Path refuseOffline(HubCache cache, HubModel model) throws IOException {
        String commit = cache.commit(model.revision());
        String found = commit == null
                ? "not in the cache " + settings.cache()
                : "incomplete in " + cache.snapshot(commit) + " (no "
                        + String.join(", no ", FileSelection.missing(model, cache.snapshot(commit))) + ")";
        throw new HubException(
                model + " is " + found + ", and slim-infer.hub.offline (HF_HUB_OFFLINE) forbids downloads.",
                "Download it once with \"hf download " + model.id() + " --revision " + model.revision()
                        + "\", or with slim-infer.hub.offline=false.");
    }

    private Path download(HubCache cache, HubModel model, @Nullable Path cached) throws IOException {
        RemoteListing listing;
        try {
            // With a copy at hand a start does not wait for a hub that is away.
            int attempts = cached == null ? Retry.ATTEMPTS : 1;
            listing = retry.run("The list of files of " + model, attempts, () -> 0, () -> client.listing(model));
        } catch (HubException e) {
            if (e.isOutage() && cached != null) {
                log.warn("{} The copy in the cache is used: {}", e.description(), cached);
                return cached;
            }
            throw cached == null ? e : withCopy(e, cached);
        }
        Path snapshot = cache.snapshot(listing.commit());
        String gguf = model.file();
        if (gguf != null) {
            fetch(cache, model, listing.commit(), FileSelection.gguf(model, gguf, listing));
        } else {
            fetch(cache, model, listing.commit(), FileSelection.small(model, listing));
            ModelFolder.readConfig(snapshot);
            fetch(cache, model, listing.commit(), FileSelection.weights(listing, snapshot));
        }
        cache.setCommit(model.revision(), listing.commit());
        return place(model, snapshot);
    }

    private static HubException withCopy(HubException e, Path cached) {
        return new HubException(
                e.description(),
                e.action() + " Or use the copy in the cache, " + cached + ", by slim-infer.hub.offline=true.",
                e);
    }

    private void fetch(HubCache cache, HubModel model, String commit, List<RemoteFile> files) throws IOException {
        List<RemoteFile> absent = new ArrayList<>();
        long bytes = 0;
        long here = 0;
        for (RemoteFile file : files) {
            if (!cache.has(commit, file)) {
                absent.add(file);
                if (!cache.hasBlob(file)) {
                    bytes += file.bytes();
                    here += Files.exists(cache.partial(file)) ? Files.size(cache.partial(file)) : 0;
                }
            }
        }
        if (absent.isEmpty()) {
            return;
        }
        checkRoom(model, bytes - here);
        log.info(
                "Downloading {} (commit {}): {} files, {}, to {}",
                model,
                commit.substring(0, 8),
                absent.size(),
                Progress.megabytes(bytes),
                cache.folder());
        Progress progress = new Progress(model.id(), bytes, System::nanoTime);
        try (StallWatch stalls = new StallWatch(stall)) {
            for (RemoteFile file : absent) {
                fetch(cache, model, commit, file, stalls, progress);
            }
        }
        log.info("Downloaded {}: {} files", model, absent.size());
    }

    private void checkRoom(HubModel model, long bytes) throws IOException {
        long room =
                Files.getFileStore(Files.createDirectories(settings.cache())).getUsableSpace();
        if (bytes > room - SPARE_BYTES) {
            throw new HubException(
                    model + " needs " + Progress.megabytes(bytes) + " more, but " + settings.cache() + " has room for "
                            + Progress.megabytes(room) + ".",
                    "Free room, or choose a folder on another disk by slim-infer.hub.cache (HF_HUB_CACHE).");
        }
    }

    @SuppressWarnings("try") // the lock is held, not used
    private void fetch(
            HubCache cache, HubModel model, String commit, RemoteFile file, StallWatch stalls, Progress progress)
            throws IOException {
        try (ProcessLock ignored =
                ProcessLock.acquire(cache.lock(file), "downloading " + file.name() + " of " + model)) {
            if (cache.has(commit, file)) {
                progress.add(file.bytes()); // brought by the one that was waited for
                return;
            }
            if (!cache.hasBlob(file)) {
                Path partial = cache.partial(file);
                new FileDownload(client, model, commit, file, partial, stalls, progress).run(retry);
                Files.move(
                        partial, cache.blob(file), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            }
            cache.link(commit, file);
        }
    }
}
