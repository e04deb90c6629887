package io.sliminfer.text.jinja;

/**
 * A name, key or index that does not exist. Prints as nothing and is false; any other use fails with {@code problem}.
 */
record Undefined(String problem) {

    static Undefined name(String name) {
        return new Undefined("'" + name + "' is undefined");
    }

    TemplateException failure() {
        return new TemplateException(problem);
    }
}
