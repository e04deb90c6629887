package io.sliminfer.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * Brings one file into the cache: continues what an earlier attempt left, and makes it a blob once size and checksum are right. One
 * thread, which holds the file's lock.
 */
final class FileDownload {

    private static final int CHUNK_BYTES = 1 << 20;

    private final HubClient client;
    private final HubModel model;
    private final String commit;
    private final RemoteFile file;
    private final Path partial;
    private final StallWatch stalls;
    private final Progress progress;

    /**
     * @param partial where the content grows
     * @param stalls  ends connections that bring nothing
     */
    FileDownload(
            HubClient client,
            HubModel model,
            String commit,
            RemoteFile file,
            Path partial,
            StallWatch stalls,
            Progress progress) {
        this.client = client;
        this.model = model;
        this.commit = commit;
        this.file = file;
        this.partial = partial;
        this.stalls = stalls;
        this.progress = progress;
    }

    /**
     * Leaves the whole, checked file at {@code partial}.
     *
     * @throws HubException if it cannot be had, or is not what the hub says
     */
    void run(Retry retry) throws IOException {
        Files.createDirectories(partial.getParent());
        long[] start = {size()};
        progress.add(start[0]);
        String found = null;
        // What an earlier run left may be damaged (a full disk, a crash): one try from scratch.
        for (int tries = 0; tries < 2; tries++) {
            retry.run(file.name() + " of " + model, Retry.ATTEMPTS, this::size, this::fetchRest);
            found = checksum();
            if (found.equals(file.etag())) {
                return;
            }
            progress.add(-file.bytes());
            Files.delete(partial);
        }
        throw new HubException(
                file.name() + " of " + model + " was downloaded twice and has checksum " + found + "; the hub says "
                        + file.etag() + ".",
                "Something between here and the hub changes files (a proxy, a mirror): use another network or endpoint.");
    }

    private long size() {
        try {
            return Files.exists(partial) ? Math.min(Files.size(partial), file.bytes()) : 0;
        } catch (IOException e) {
            return 0; // then the write that follows fails with the reason
        }
    }

    private boolean fetchRest() throws IOException {
        try (FileChannel out = FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            long position = size();
            if (position == file.bytes()) {
                out.truncate(position);
                return true;
            }
            HubClient.Content content = client.content(model, commit, file, position);
            progress.add(content.start() - position);
            out.truncate(content.start()).position(content.start());
            copy(content, out);
        }
        return true;
    }

    private void copy(HubClient.Content content, FileChannel out) throws IOException {
        long left = file.bytes() - content.start();
        byte[] chunk = new byte[CHUNK_BYTES];
        try (StallWatch.Watched watch = stalls.watch(content.stream())) {
            while (left > 0) {
                int read = watch.read(chunk);
                if (read < 0) {
                    throw new IOException("the connection ended " + left + " bytes before the end");
                }
                if (read > left) {
                    throw new HubException(
                            file.name() + " of " + model + " has more than the " + file.bytes()
                                    + " bytes that the hub says.",
                            "Something between here and the hub changes files: use another network or endpoint.");
                }
                ByteBuffer buffer = ByteBuffer.wrap(chunk, 0, read);
                while (buffer.hasRemaining()) {
                    out.write(buffer);
                }
                left -= read;
                progress.add(read);
            }
        }
    }

    private String checksum() throws IOException {
        MessageDigest digest = file.digest();
        try (InputStream in = Files.newInputStream(partial)) {
            byte[] chunk = new byte[CHUNK_BYTES];
            for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
                digest.update(chunk, 0, read);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
