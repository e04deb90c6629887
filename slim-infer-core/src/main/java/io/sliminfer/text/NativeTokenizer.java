package io.sliminfer.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * One tokenizer of the Hugging Face tokenizers library, through DJL's native binding. Thread-safe.
 *
 * <p>DJL's own {@code HuggingFaceTokenizer} is passed by: it reports each start to a server of its makers, and copies six arrays
 * and an object for each token out of the native side where only the ids are needed.
 */
final class NativeTokenizer implements AutoCloseable {

    private static final String FLAVOR = "RUST_FLAVOR";

    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private final long handle;
    private boolean closed;

    private NativeTokenizer(long handle) {
        this.handle = handle;
    }

    /** @throws RuntimeException if the library does not load on this platform or does not take the JSON */
    static NativeTokenizer parse(String json) {
        loadLibrary();
        return new NativeTokenizer(TokenizersLibrary.LIB.createTokenizerFromString(json));
    }

    private static synchronized void loadLibrary() {
        // On a machine with CUDA, DJL would download a GPU flavour of the library; text needs none.
        boolean chosen = System.getenv(FLAVOR) != null || System.getProperty(FLAVOR) != null;
        if (chosen) {
            LibUtils.checkStatus();
            return;
        }
        System.setProperty(FLAVOR, "cpu");
        try {
            LibUtils.checkStatus();
        } finally {
            System.clearProperty(FLAVOR);
        }
    }

    /** Ids of a text, without any that a post-processor would add. */
    int[] encode(String text) {
        lock.readLock().lock();
        try {
            requireOpen();
            long encoding = TokenizersLibrary.LIB.encode(handle, text, false);
            try {
                return java.util.Arrays.stream(TokenizersLibrary.LIB.getTokenIds(encoding))
                        .mapToInt(Math::toIntExact)
                        .toArray();
            } finally {
                TokenizersLibrary.LIB.deleteEncoding(encoding);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the tokenizer is closed");
        }
    }

    /** Waits for calls in progress. May be called twice. */
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                TokenizersLibrary.LIB.deleteTokenizer(handle);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
