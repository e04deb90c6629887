package io.sliminfer.hub;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * A file of a commit.
 *
 * @param name   path in the repository, with slashes
 * @param bytes  size
 * @param etag   checksum in hex, which names the file in the cache: SHA-256 of the content where it is stored outside git (LFS, Xet),
 *               else the blob's id in git, SHA-1 of a header with the size and the content
 * @param stored whether it is stored outside git
 */
record RemoteFile(String name, long bytes, String etag, boolean stored) {

    /** A digest that gives the etag once the content has passed. */
    MessageDigest digest() {
        try {
            if (stored) {
                return MessageDigest.getInstance("SHA-256");
            }
            MessageDigest digest = MessageDigest.getInstance("SHA-1");
            digest.update(("blob " + bytes + "\0").getBytes(StandardCharsets.US_ASCII));
            return digest;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-1 and SHA-256", e);
        }
    }
}
