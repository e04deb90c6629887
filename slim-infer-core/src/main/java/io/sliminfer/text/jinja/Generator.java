package io.sliminfer.text.jinja;

import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Result of filters such as {@code map} and {@code select}: can be walked once, has no length and no elements by index. */
record Generator(Iterator<@Nullable Object> items) {

    static Generator of(List<@Nullable Object> items) {
        return new Generator(items.iterator());
    }
}
