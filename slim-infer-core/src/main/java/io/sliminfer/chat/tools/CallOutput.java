package io.sliminfer.chat.tools;

/** Keeps white space around calls out of the text. */
final class CallOutput {

    private final ToolCallReader.Output out;
    private final StringBuilder space = new StringBuilder();
    private boolean hasText;
    private boolean hasCalls;

    CallOutput(ToolCallReader.Output out) {
        this.out = out;
    }

    void text(String text) {
        String visible = text.stripTrailing();
        if (visible.isEmpty()) {
            space.append(text);
            return;
        }
        out.text(hasCalls && !hasText ? visible.stripLeading() : space + visible);
        hasText = true;
        space.setLength(0);
        space.append(text, visible.length(), text.length());
    }

    void call(ToolCall call) {
        hasCalls = true;
        out.call(call);
    }

    /** Text that began as a call. */
    void malformed(String raw, String problem) {
        text(raw);
        out.malformed(problem);
    }

    void finish() {
        if (!hasCalls && !space.isEmpty()) {
            out.text(space.toString());
        }
    }
}
