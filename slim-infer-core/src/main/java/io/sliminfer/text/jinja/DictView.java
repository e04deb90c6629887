package io.sliminfer.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@code items()}, {@code keys()} and {@code values()} of a dict return: a length and an order, no index. */
record DictView(String kind, List<@Nullable Object> items) {}
