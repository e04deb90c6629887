package io.sliminfer.text.jinja;

import org.jspecify.annotations.Nullable;

/** A function, method or macro. */
interface Callable {

    @Nullable
    Object call(Frame frame, Arguments arguments);
}
