package io.sliminfer.format;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One GGUF file, version 2 or 3, little endian (docs/gguf.md of ggml): magic, counts, metadata, tensor descriptions, then tensor
 * data. Untrusted: counts, lengths, offsets, alignment and overlaps are checked when it is opened. Any thread.
 */
final class GgufFile implements AutoCloseable {

    private static final int MAGIC = 0x46554747; // "GGUF"
    private static final int TENSORS_MAX = 100_000;
    private static final int NAME_BYTES_MAX = 1024;
    private static final int DIMENSIONS_MAX = 4;
    private static final int ALIGNMENT = 32;
    private static final int ALIGNMENT_MAX = 1 << 20;

    /**
     * A tensor as described.
     *
     * @param shape    as elsewhere, the contiguous dimension last
     * @param position of its data in the file
     */
    record Entry(String name, GgufType type, List<Long> shape, long position, long bytes) {}

    private final String name;
    private final MappedFile file;
    private final GgufMetadata metadata;
    private final Map<String, Entry> entries;

    private GgufFile(String name, MappedFile file, GgufMetadata metadata, Map<String, Entry> entries) {
        this.name = name;
        this.file = file;
        this.metadata = metadata;
        this.entries = entries;
    }

    /**
     * @throws ModelFormatException naming the file, what was found and what is supported
     */
    static GgufFile open(Path path) {
        String name = Json.fileName(path);
        MappedFile file;
        try {
            file = MappedFile.open(path);
        } catch (NoSuchFileException e) {
            throw new ModelFormatException(name + " is missing in " + path.getParent() + ".", e);
        } catch (IOException e) {
            throw new ModelFormatException(path + " cannot be read: " + e, e);
        }
        try {
            GgufCursor in = new GgufCursor(name, file, 0);
            checkStart(name, in);
            long tensors = in.count("the number of tensors", TENSORS_MAX);
            long pairs = in.int64("the number of metadata pairs");
            GgufMetadata metadata = GgufMetadata.read(name, file, in, pairs);
            return new GgufFile(name, file, metadata, entries(name, file, in, metadata, tensors));
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static void checkStart(String name, GgufCursor in) {
        if (in.int32("its first bytes") != MAGIC) {
            throw new ModelFormatException(name + ": is no GGUF file (it does not begin with \"GGUF\").");
        }
        int version = in.int32("its version");
        if (version == Integer.reverseBytes(2) || version == Integer.reverseBytes(3)) {
            throw new ModelFormatException(
                    name + ": is a big-endian GGUF file; supported is little endian, as nearly all files are.");
        }
        if (version != 2 && version != 3) {
            throw new ModelFormatException(
                    name + ": is GGUF of version " + Integer.toUnsignedString(version) + "; supported are 2 and 3.");
        }
    }

    private static Map<String, Entry> entries(
            String name, MappedFile file, GgufCursor in, GgufMetadata metadata, long tensors) {
        int alignment = metadata.integer("general.alignment", ALIGNMENT, 1, ALIGNMENT_MAX);
        if (Integer.bitCount(alignment) != 1) {
            throw metadata.wrong("general.alignment", "a power of two is expected");
        }
        Map<String, Entry> entries = new LinkedHashMap<>();
        for (long i = 0; i < tensors; i++) {
            // Positions count from the start of the data, which is known only after the last description.
            Entry entry = entry(name, in, alignment);
            if (entries.put(entry.name, entry) != null) {
                throw new ModelFormatException(
                        name + ": describes tensor " + entry.name + " twice. The file is damaged.");
            }
        }
        long start = (in.position() + alignment - 1) / alignment * alignment;
        entries.replaceAll((tensor, entry) -> placed(name, entry, start, file.size()));
        checkOverlaps(name, entries);
        return entries;
    }

    private static Entry entry(String name, GgufCursor in, int alignment) {
        String tensor = in.text("a tensor's name", NAME_BYTES_MAX);
        String what = "the description of tensor " + tensor;
        int dimensions = in.int32(what);
        if (dimensions < 1 || dimensions > DIMENSIONS_MAX) {
            throw new ModelFormatException(name + ": tensor " + tensor + " has " + Integer.toUnsignedString(dimensions)
                    + " dimensions; 1 to " + DIMENSIONS_MAX + " are allowed. The file is damaged.");
        }
        List<Long> shape = new ArrayList<>();
        long elements = 1;
        for (int i = 0; i < dimensions; i++) {
            long size = in.int64(what);
            if (size < 1 || Math.multiplyHigh(elements, size) != 0 || elements * size < 0) {
                throw new ModelFormatException(name + ": tensor " + tensor + " has a dimension of "
                        + Long.toUnsignedString(size) + ", which is 0 or too large. The file is damaged.");
            }
            elements *= size;
            shape.add(0, size);
        }
        int number = in.int32(what);
        GgufType type = GgufType.of(number);
        if (type == null) {
            throw new ModelFormatException(name + ": tensor " + tensor + " has type " + GgufType.nameOf(number)
                    + "; supported are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K."
                    + " Choose a file of one of these types, such as Q4_K_M or Q8_0.");
        }
        long columns = shape.get(shape.size() - 1);
        if (columns % type.elements != 0) {
            throw new ModelFormatException(name + ": tensor " + tensor + " of type " + type + " has rows of " + columns
                    + " elements; a multiple of " + type.elements + " is expected. The file is damaged.");
        }
        long offset = in.int64(what);
        if (offset < 0 || offset % alignment != 0) {
            throw new ModelFormatException(name + ": tensor " + tensor + " has offset " + Long.toUnsignedString(offset)
                    + "; a multiple of general.alignment=" + alignment + " is expected. The file is damaged.");
        }
        // The product fits: a block has more elements than half its bytes, except of F32 and halves.
        long blocks = elements / type.elements;
        if (blocks > Long.MAX_VALUE / type.bytes) {
            throw new ModelFormatException(
                    name + ": tensor " + tensor + " has shape " + shape + ", which is too large.");
        }
        return new Entry(tensor, type, List.copyOf(shape), offset, blocks * type.bytes);
    }

    private static Entry placed(String name, Entry entry, long start, long size) {
        long room = size - start;
        if (entry.position > room || entry.bytes > room - entry.position) {
            throw new ModelFormatException(
                    name + ": tensor " + entry.name + " takes " + entry.bytes + " bytes from offset "
                            + entry.position + " of the data on, but the file has " + Math.max(0, room)
                            + " there: it is truncated; download it again.");
        }
        return new Entry(entry.name, entry.type, entry.shape, start + entry.position, entry.bytes);
    }

    private static void checkOverlaps(String name, Map<String, Entry> entries) {
        List<Entry> sorted = new ArrayList<>(entries.values());
        sorted.sort(Comparator.comparingLong(Entry::position));
        for (int i = 1; i < sorted.size(); i++) {
            Entry before = sorted.get(i - 1);
            if (before.position + before.bytes > sorted.get(i).position) {
                throw new ModelFormatException(name + ": tensors " + before.name + " and " + sorted.get(i).name
                        + " overlap. The file is damaged.");
            }
        }
    }

    String name() {
        return name;
    }

    GgufMetadata metadata() {
        return metadata;
    }

    Set<String> tensorNames() {
        return entries.keySet();
    }

    boolean has(String tensor) {
        return entries.containsKey(tensor);
    }

    Entry entry(String tensor) {
        Entry entry = entries.get(tensor);
        if (entry == null) {
            throw new ModelFormatException(name + ": has no tensor " + tensor + ".");
        }
        return entry;
    }

    /**
     * A vector or matrix.
     *
     * @param shownName its name for the rest of the program
     * @param order     which of the file's rows each row is
     */
    TensorSource tensor(String shownName, String tensor, RowOrder order) {
        Entry entry = entry(tensor);
        List<Long> shape = entry.shape;
        if (shape.size() > 2) {
            throw new ModelFormatException(
                    name + ": tensor " + tensor + " has shape " + shape + "; only vectors and matrices can be read.");
        }
        long rows = shape.size() < 2 ? 1 : shape.get(0);
        long columns = shape.get(shape.size() - 1);
        return entry.type.isQuantised() || order.changes()
                ? new GgufTensor(file, shownName, entry, rows, columns, order)
                : new MappedTensor(file, name, shownName, entry.type.dtype(), rows, columns, entry.position);
    }

    void identify(MessageDigest digest) {
        file.identify(digest);
    }

    @Override
    public void close() {
        file.close();
    }
}
