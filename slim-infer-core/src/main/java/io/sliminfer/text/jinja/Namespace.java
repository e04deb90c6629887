package io.sliminfer.text.jinja;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code namespace(…)}: the one value whose attributes {@code set} can change. */
record Namespace(Map<String, @Nullable Object> attributes) {

    Namespace() {
        this(new LinkedHashMap<>());
    }
}
