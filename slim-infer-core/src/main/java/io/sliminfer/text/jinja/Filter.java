package io.sliminfer.text.jinja;

import org.jspecify.annotations.Nullable;

/** {@code value | name(arguments)}. */
interface Filter {

    @Nullable
    Object apply(@Nullable Object value, Arguments arguments, Frame frame);
}
