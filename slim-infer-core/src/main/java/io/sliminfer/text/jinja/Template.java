package io.sliminfer.text.jinja;

import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A parsed template. Immutable and thread-safe. */
public final class Template {

    private final Statement.Block statements;
    private final Set<String> names;

    private Template(Statement.Block statements, Set<String> names) {
        this.statements = statements;
        this.names = names;
    }

    /**
     * Parses a template with the settings of transformers: {@code trim_blocks}, {@code lstrip_blocks}, loop controls.
     *
     * @throws TemplateException naming the line and what was expected there
     */
    public static Template parse(String source) {
        try {
            List<Token> tokens = Lexer.tokens(source);
            return new Template(Parser.parse(tokens), names(tokens));
        } catch (StackOverflowError e) {
            throw new TemplateException("the template is nested too deeply");
        }
    }

    private static Set<String> names(List<Token> tokens) {
        Set<String> names = new HashSet<>();
        for (int i = 1; i < tokens.size(); i++) {
            if (tokens.get(i).kind() == Token.Kind.NAME && !tokens.get(i - 1).is(Token.Kind.OPERATOR, ".")) {
                names.add(tokens.get(i).text());
            }
        }
        return names;
    }

    /** Whether the name stands in the template's code by itself: not as an attribute of something, in a string or in text. */
    public boolean uses(String name) {
        return names.contains(name);
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
