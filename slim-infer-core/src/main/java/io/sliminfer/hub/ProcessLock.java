package io.sliminfer.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A lock file that one thread of one JVM holds while others wait. File locks belong to the JVM as a whole, so its threads have a
 * lock of their own. The file stays: deleting it would let two hold it.
 */
public final class ProcessLock implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ProcessLock.class);
    private static final Map<Path, ReentrantLock> THREAD_LOCKS = new ConcurrentHashMap<>();

    private final ReentrantLock threads;
    private final FileChannel channel;
    private final FileLock lock;

    private ProcessLock(ReentrantLock threads, FileChannel channel, FileLock lock) {
        this.threads = threads;
        this.channel = channel;
        this.lock = lock;
    }

    /**
     * Waits until the lock is this thread's.
     *
     * @param purpose what another holder does, for the log
     */
    public static ProcessLock acquire(Path file, String purpose) throws IOException {
        Path absolute = file.toAbsolutePath().normalize();
        ReentrantLock threads = THREAD_LOCKS.computeIfAbsent(absolute, path -> new ReentrantLock());
        threads.lock();
        try {
            Files.createDirectories(absolute.getParent());
            FileChannel channel = FileChannel.open(absolute, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            try {
                FileLock lock = channel.tryLock();
                if (lock == null) {
                    log.info("Waiting for another process that is {}", purpose);
                    lock = channel.lock();
                }
                return new ProcessLock(threads, channel, lock);
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            threads.unlock();
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        try {
            lock.release();
            channel.close();
        } finally {
            threads.unlock();
        }
    }
}
