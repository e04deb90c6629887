package io.sliminfer.text.jinja;

/** A template that cannot be read, or failed while rendering. The message names the line once it is known. */
public class TemplateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int line;

    TemplateException(String message) {
        this(0, message);
    }

    TemplateException(int line, String message) {
        super(message);
        this.line = line;
    }

    /** Line of the template's tag, counted from 1; 0 if unknown. */
    public int line() {
        return line;
    }

    /** This failure with the line added, unless a more precise one is known. */
    TemplateException at(int tagLine) {
        if (line > 0) {
            return this;
        }
        TemplateException located = new TemplateException(tagLine, "line " + tagLine + ": " + getMessage());
        located.setStackTrace(getStackTrace());
        return located;
    }
}
