package io.sliminfer.format;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file of any size as read-only views. Any thread.
 *
 * <p>One mapping holds at most 2 GiB - 1 bytes, so a file is mapped in overlapping windows: window i starts at i GiB and is up
 * to 2 GiB long. Every range of up to 1 GiB therefore lies within the window of its first byte, and a file needs one mapping
 * a GiB, made when first used. Longer ranges get mappings of their own.
 *
 * <p>Java frees a mapping when the last view of it is unreachable. {@link #close()} drops ours; views handed out before stay
 * readable, so that a late reader never touches memory that is gone.
 */
public final class MappedFile implements AutoCloseable {

    private static final int STEP_BITS = 30;
    private static final long STEP = 1L << STEP_BITS;

    /** How much of a file's beginning and end is looked at to know it again. */
    private static final int IDENTIFYING_BYTES = 1 << 16;

    private record Range(long position, int bytes) {}

    private final Path path;
    private final FileChannel channel;
    private final long size;
    private final @Nullable MappedByteBuffer[] windows;
    private final Map<Range, MappedByteBuffer> longRanges = new HashMap<>();

    private MappedFile(Path path, FileChannel channel, long size) {
        this.path = path;
        this.channel = channel;
        this.size = size;
        this.windows = new MappedByteBuffer[(int) Math.min(Integer.MAX_VALUE, (size >>> STEP_BITS) + 1)];
    }

    /**
     * @throws IOException if there is no such file, or it cannot be read
     */
    public static MappedFile open(Path path) throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
        try {
            return new MappedFile(path, channel, channel.size());
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** In bytes, when it was opened. */
    public long size() {
        return size;
    }

    /**
     * A read-only, little-endian, direct view; repeated calls share a mapping.
     *
     * @throws IllegalArgumentException if the range is not in the file
     */
    public synchronized ByteBuffer view(long position, int bytes) {
        if (position < 0 || bytes < 0 || position > size - bytes) {
            throw new IllegalArgumentException(
                    "bytes " + position + " to " + (position + bytes) + " of " + path + ", which has " + size);
        }
        if (!channel.isOpen()) {
            throw new IllegalStateException(path + " is closed");
        }
        int index = (int) (position >>> STEP_BITS);
        long windowStart = index * STEP;
        int windowBytes = (int) Math.min(Integer.MAX_VALUE, size - windowStart);
        int offset = (int) (position - windowStart);
        ByteBuffer view;
        if (bytes <= windowBytes - offset) {
            MappedByteBuffer window = windows[index];
            if (window == null) {
                window = map(windowStart, windowBytes);
                windows[index] = window;
            }
            view = window.slice(offset, bytes);
        } else {
            view = longRanges
                    .computeIfAbsent(new Range(position, bytes), range -> map(position, bytes))
                    .slice();
        }
        return view.order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Fills the rest of a buffer with the bytes from {@code position} on, past the mappings.
     *
     * @throws UncheckedIOException if they cannot be read, or the file ends before
     */
    public void read(long position, ByteBuffer into) {
        long at = position;
        try {
            while (into.hasRemaining()) {
                int count = channel.read(into, at);
                if (count < 0) {
                    throw new EOFException("it ends at byte " + at);
                }
                at += count;
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + path + ": " + e.getMessage(), e);
        }
    }

    /**
     * Adds to a digest what tells this file from another: name, size, time of modification, and the bytes at its two ends. Not its folder,
     * so that it may be mounted elsewhere.
     */
    void identify(MessageDigest digest) {
        try {
            String facts = Json.fileName(path) + "\n" + size + "\n"
                    + Files.getLastModifiedTime(path).toMillis() + "\n";
            digest.update(facts.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + path + ": " + e.getMessage(), e);
        }
        ByteBuffer end = ByteBuffer.allocate((int) Math.min(IDENTIFYING_BYTES, size));
        for (long position : new long[] {0, size - end.capacity()}) {
            read(position, end.clear());
            digest.update(end.flip());
        }
    }

    private MappedByteBuffer map(long position, int bytes) {
        try {
            return channel.map(FileChannel.MapMode.READ_ONLY, position, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot map " + bytes + " bytes at " + position + " of " + path, e);
        }
    }

    @Override
    public synchronized void close() {
        Arrays.fill(windows, null);
        longRanges.clear();
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close " + path, e);
        }
    }
}
