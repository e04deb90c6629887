package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HostPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.bytedeco.javacpp.BytePointer;
import org.jspecify.annotations.Nullable;

/**
 * Slots outside the device: in memory, or in a file that is mapped. The file is written in full when it is made, because a mapping
 * of a file with holes ends the process when the disk is full; it is deleted at close.
 */
final class NativeHostPool implements HostPool, AutoCloseable {

    private static final long MAPPING_BYTES_MAX = 1L << 30;

    private final int slots;
    private final long slotBytes;
    private final int slotsPerPart;
    private final long[] parts;
    private final @Nullable NativeMemory memory;
    private final ByteBuffer[] mappings;
    private final @Nullable Path file;

    /** In memory; pages that no slot was copied to cost nothing. */
    NativeHostPool(int slots, long slotBytes) {
        this.slots = slots;
        this.slotBytes = slotBytes;
        this.slotsPerPart = Math.max(1, slots);
        this.memory = new NativeMemory("KV blocks on the host", slots * slotBytes);
        this.parts = new long[] {memory.address()};
        this.mappings = new ByteBuffer[0];
        this.file = null;
    }

    /**
     * In a new file.
     *
     * @throws UncheckedIOException if it exists or cannot be written at that size
     */
    NativeHostPool(int slots, long slotBytes, Path file) {
        this.slots = slots;
        this.slotBytes = slotBytes;
        this.slotsPerPart = (int) Math.max(1, Math.min(slots, MAPPING_BYTES_MAX / slotBytes));
        this.memory = null;
        this.file = file;
        this.mappings = new ByteBuffer[(slots + slotsPerPart - 1) / slotsPerPart];
        this.parts = new long[mappings.length];
        long bytes = slots * slotBytes;
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            fill(channel, bytes);
            for (int i = 0; i < mappings.length; i++) {
                long from = (long) i * slotsPerPart * slotBytes;
                mappings[i] = channel.map(
                        FileChannel.MapMode.READ_WRITE, from, Math.min(slotsPerPart * slotBytes, bytes - from));
                parts[i] = new BytePointer(mappings[i]).address();
            }
        } catch (FileAlreadyExistsException e) {
            throw new UncheckedIOException(
                    "slim-infer.kv-cache.disk: " + file
                            + " exists. It belongs to another process, or one that was killed: delete it, or name another folder",
                    e);
        } catch (IOException e) {
            delete(file);
            throw new UncheckedIOException(
                    "slim-infer.kv-cache.disk: " + file + " could not be written with " + bytes
                            + " bytes: free space there, lower slim-infer.kv-cache.disk-size, or name another folder",
                    e);
        }
    }

    private static void fill(FileChannel channel, long bytes) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 20);
        for (long done = 0; done < bytes; ) {
            zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - done));
            done += channel.write(zeros);
        }
    }

    @Override
    public int slots() {
        return slots;
    }

    @Override
    public long slotBytes() {
        return slotBytes;
    }

    long address(int slot) {
        if (slot < 0 || slot >= slots) {
            throw new IllegalArgumentException("host slot " + slot + " of " + slots);
        }
        return parts[slot / slotsPerPart] + slot % slotsPerPart * slotBytes;
    }

    @Override
    public void close() {
        if (memory != null) {
            memory.close();
        }
        if (file != null) {
            delete(file);
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            file.toFile().deleteOnExit(); // Windows: not before the mapping is gone
        }
    }
}
