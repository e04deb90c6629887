package io.sliminfer.text.jinja;

/** The template called {@code raise_exception}: it does not take this conversation. The message is the template's own. */
public final class TemplateRefusal extends TemplateException {

    private static final long serialVersionUID = 1L;

    TemplateRefusal(String message) {
        super(message);
    }

    @Override
    TemplateException at(int tagLine) {
        return this;
    }
}
