package io.sliminfer.chat.tools;

import io.sliminfer.text.MarkedTextDecoder;

/**
 * Finds the calls in one answer while it comes. Text beside calls is given out at once, but for white space, of which what stands
 * between text and a call is not part of either. What began as a call and is none is given out as the text that it is, so no text is
 * lost. One thread at a time.
 */
public interface ToolCallReader extends MarkedTextDecoder.Reader {

    /** What was found, in order. */
    interface Output {

        void text(String text);

        void call(ToolCall call);

        /** The text just given out began as a call. */
        void malformed(String problem);
    }

    /** The answer has ended, perhaps within a call. */
    void finish();
}
