package io.sliminfer.format;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file, memory-mapped: 8 bytes header length, a JSON header, then the tensors' bytes, all little-endian.
 * Opening reads and checks the header only. Any thread.
 */
final class SafetensorsFile implements AutoCloseable {

    /** The format's own limit. */
    static final long HEADER_BYTES_MAX = 100_000_000;

    private static final int LENGTH_BYTES = 8;

    private final String name;
    private final MappedFile file;
    private final SafetensorsHeader header;
    private final long dataStart;

    private SafetensorsFile(String name, MappedFile file, SafetensorsHeader header, long dataStart) {
        this.name = name;
        this.file = file;
        this.header = header;
        this.dataStart = dataStart;
    }

    /**
     * @throws ModelFormatException if the file is missing, unreadable, truncated or has a header that does not fit its data
     */
    static SafetensorsFile open(Path path) {
        String name = Json.fileName(path);
        if (Files.isDirectory(path)) {
            throw new ModelFormatException(path + " is a folder; a safetensors file is expected.");
        }
        MappedFile file;
        try {
            file = MappedFile.open(path);
        } catch (NoSuchFileException e) {
            throw new ModelFormatException(name + " is missing in " + path.getParent() + ".", e);
        } catch (IOException e) {
            throw new ModelFormatException(path + " cannot be read: " + e, e);
        }
        try {
            long headerBytes = headerBytes(name, file);
            byte[] json = new byte[(int) headerBytes];
            file.view(LENGTH_BYTES, json.length).get(json);
            long dataStart = LENGTH_BYTES + headerBytes;
            return new SafetensorsFile(
                    name, file, SafetensorsHeader.parse(name, json, file.size() - dataStart), dataStart);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static long headerBytes(String name, MappedFile file) {
        if (file.size() < LENGTH_BYTES) {
            throw new ModelFormatException(name + ": has " + file.size()
                    + " bytes, which is too short for a safetensors file: it is truncated; download it again.");
        }
        long bytes = file.view(0, LENGTH_BYTES).getLong();
        if (bytes < 0 || bytes > HEADER_BYTES_MAX) {
            throw new ModelFormatException(name + ": says that its header has " + Long.toUnsignedString(bytes)
                    + " bytes; at most " + HEADER_BYTES_MAX
                    + " are allowed. This is not a safetensors file, or it is damaged.");
        }
        if (bytes > file.size() - LENGTH_BYTES) {
            throw new ModelFormatException(
                    name + ": says that its header has " + bytes + " bytes, but the file has only " + file.size()
                            + ": it is truncated (download it again) or not a safetensors file.");
        }
        return bytes;
    }

    String name() {
        return name;
    }

    Set<String> tensorNames() {
        return header.tensors().keySet();
    }

    Map<String, String> metadata() {
        return header.metadata();
    }

    /** The dtype as the file names it. */
    String dtypeName(String tensor) {
        return entry(tensor).dtype();
    }

    List<Long> shape(String tensor) {
        return entry(tensor).shape();
    }

    /**
     * A vector or matrix.
     *
     * @throws ModelFormatException if the file lacks it, or it has a dtype or a shape that cannot be read
     */
    TensorSource tensor(String tensor) {
        SafetensorsHeader.Entry entry = entry(tensor);
        DType dtype = dtype(entry.dtype());
        if (dtype == null) {
            throw new ModelFormatException(
                    name + ": tensor " + tensor + " has dtype " + entry.dtype() + "; supported are F32, F16 and BF16.");
        }
        List<Long> shape = entry.shape();
        if (shape.size() > 2) {
            throw new ModelFormatException(
                    name + ": tensor " + tensor + " has shape " + shape + "; only vectors and matrices can be read.");
        }
        long rows = shape.size() < 2 ? 1 : shape.get(0);
        long columns = shape.isEmpty() ? 1 : shape.get(shape.size() - 1);
        return new MappedTensor(file, name, tensor, dtype, rows, columns, dataStart + entry.begin());
    }

    private SafetensorsHeader.Entry entry(String tensor) {
        SafetensorsHeader.Entry entry = header.tensors().get(tensor);
        if (entry == null) {
            throw new ModelFormatException(name + ": has no tensor " + tensor + ".");
        }
        return entry;
    }

    /** The dtype that a weight may have, or null. */
    private static @Nullable DType dtype(String name) {
        return switch (name) {
            case "F32" -> DType.F32;
            case "F16" -> DType.F16;
            case "BF16" -> DType.BF16;
            default -> null;
        };
    }

    void identify(MessageDigest digest) {
        file.identify(digest);
    }

    @Override
    public void close() {
        file.close();
    }
}
