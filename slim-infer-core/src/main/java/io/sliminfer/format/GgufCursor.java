package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads a GGUF file's header value by value; nothing beyond the file's end is read, whatever its lengths say. One thread. */
final class GgufCursor {

    private static final int WINDOW_BYTES = 1 << 26;

    private final String name;
    private final MappedFile file;
    private long position;
    private ByteBuffer window = ByteBuffer.allocate(0);

    GgufCursor(String name, MappedFile file, long position) {
        this.name = name;
        this.file = file;
        this.position = position;
    }

    long position() {
        return position;
    }

    int int8(String what) {
        return take(1, what).get();
    }

    int int16(String what) {
        return take(2, what).getShort();
    }

    int int32(String what) {
        return take(4, what).getInt();
    }

    long int64(String what) {
        return take(8, what).getLong();
    }

    /**
     * A count or length.
     *
     * @param max largest that makes sense
     */
    long count(String what, long max) {
        long count = int64(what);
        if (count < 0 || count > max) {
            throw new ModelFormatException(name + ": " + what + " is " + Long.toUnsignedString(count) + "; at most "
                    + max + " are allowed. The file is damaged or no GGUF file.");
        }
        return count;
    }

    String text(String what, int bytesMax) {
        int bytes = (int) count("the length of " + what, bytesMax);
        ByteBuffer text = take(bytes, what).slice().limit(bytes);
        window.position(window.position() + bytes);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(text).toString();
        } catch (CharacterCodingException e) {
            throw new ModelFormatException(name + ": " + what + " is not UTF-8. The file is damaged.", e);
        }
    }

    void skip(long bytes, String what) {
        if (bytes < 0 || bytes > file.size() - position) {
            throw truncated(what);
        }
        position += bytes;
        window = ByteBuffer.allocate(0);
    }

    /** A window at the cursor with at least so many bytes; the cursor is behind them. */
    private ByteBuffer take(int bytes, String what) {
        if (bytes > file.size() - position) {
            throw truncated(what);
        }
        if (window.remaining() < bytes) {
            window = file.view(position, (int) Math.min(file.size() - position, Math.max(bytes, WINDOW_BYTES)));
        }
        position += bytes;
        return window;
    }

    private ModelFormatException truncated(String what) {
        return new ModelFormatException(
                name + ": ends within " + what + " (" + file.size() + " bytes): it is truncated; download it again.");
    }
}
