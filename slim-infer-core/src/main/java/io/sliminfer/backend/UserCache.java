package io.sliminfer.backend;

import java.nio.file.Path;
import java.util.List;

/** The user's folder for what can be made again: unpacked models, compiled kernels. */
public final class UserCache {

    private UserCache() {}

    /**
     * {@code $XDG_CACHE_HOME/slim-infer}, {@code %LOCALAPPDATA%\slim-infer} or {@code ~/.cache/slim-infer}. Not absolute for a user
     * without a home; may not be there, or not be writable.
     */
    public static Path folder() {
        for (String variable : List.of("XDG_CACHE_HOME", "LOCALAPPDATA")) {
            String folder = System.getenv(variable);
            if (folder != null && Path.of(folder).isAbsolute()) {
                return Path.of(folder, "slim-infer");
            }
        }
        return Path.of(System.getProperty("user.home"), ".cache", "slim-infer");
    }
}
