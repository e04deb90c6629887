package io.sliminfer.text.jinja;

import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A parsed template. Immutable and thread-safe. */
public final class Template {

    private final Statement.Block statements;

    private Template(Statement.Block statements) {
        this.statements = statements;
    }

    /**
     * Parses a template with the settings of transformers: {@code trim_blocks}, {@code lstrip_blocks}, loop controls.
     *
     * @throws TemplateException naming the line and what was expected there
     */
    public static Template parse(String source) {
        try {
            return new Template(Parser.parse(source));
        } catch (StackOverflowError e) {
            throw new TemplateException("the template is nested too deeply");
        }
    }

    /**
     * Renders.
     *
     * @param trusted variables whose text counts as the template author's own, such as {@code bos_token}
     * @param data    variables whose text came from outside: strings, numbers, booleans, null, lists, maps; a {@link Text} keeps
     *                the origin it has
     * @param now     the time that {@code strftime_now} prints
     * @throws TemplateRefusal if the template calls {@code raise_exception}
     * @throws TemplateException if it fails otherwise; the message names the line
     * @throws IllegalArgumentException if a variable holds something else than the types named
     */
    public Text render(Map<String, String> trusted, Map<String, ?> data, Supplier<ZonedDateTime> now) {
        Map<String, @Nullable Object> variables = new HashMap<>();
        long characters = 0;
        for (Map.Entry<String, ?> variable : data.entrySet()) {
            DataImport importer = new DataImport(variable.getKey());
            variables.put(variable.getKey(), importer.value(variable.getValue()));
            characters += importer.characters();
        }
        trusted.forEach((name, value) -> variables.put(name, Text.trusted(value)));
        Scope root = new Scope(new Scope(null, Functions.globals(now)), variables);
        Frame frame = new Frame(root, new TextBuilder(), new Budget(characters));
        try {
            statements.execute(frame);
        } catch (StackOverflowError e) {
            // Depth is limited everywhere, but the caller's stack may be small or nearly used up.
            throw new TemplateException("the template is nested too deeply for this thread's stack");
        }
        return frame.out().toText();
    }
}
