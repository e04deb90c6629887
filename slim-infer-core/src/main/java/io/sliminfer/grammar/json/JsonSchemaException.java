package io.sliminfer.grammar.json;

/** A JSON Schema that cannot be enforced. Says where and why; nothing in a schema is ignored but annotations. */
public final class JsonSchemaException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final String pointer;

    /**
     * @param pointer of the place in the schema, such as {@code #/properties/tags/uniqueItems}
     */
    JsonSchemaException(String pointer, String message) {
        super("JSON Schema: " + pointer + " " + message);
        this.pointer = pointer;
    }

    /** Place in the schema as a JSON pointer in a fragment, such as {@code #/properties/tags/uniqueItems}. */
    public String pointer() {
        return pointer;
    }
}
