package io.sliminfer.text.jinja;

import io.sliminfer.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Parses tags into statements. Whatever it does not know is an error with its line. */
final class Parser {

    private static final Set<String> RESERVED =
            Set.of("true", "false", "none", "True", "False", "None", "not", "and", "or");

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private int loops;

    private Parser(TokenStream tokens) {
        this.tokens = tokens;
        this.expressions = new ExpressionParser(tokens);
    }

    static Statement.Block parse(List<Token> tokens) {
        return new Parser(new TokenStream(tokens)).until("the end of the template");
    }

    /** Statements up to a tag whose name is one of {@code ends}; its name is the next token. */
    private Statement.Block until(String opening, String... ends) {
        tokens.enter();
        List<Statement> statements = new ArrayList<>();
        int opened = tokens.peek().line();
        while (true) {
            Token token = tokens.take();
            if (token.kind() == Kind.END) {
                if (ends.length > 0) {
                    throw new TemplateException(
                                    "'" + opening + "' is never closed: {% " + ends[ends.length - 1] + " %} is missing")
                            .at(opened);
                }
                tokens.leave();
                return new Statement.Block(statements);
            } else if (token.kind() == Kind.DATA) {
                statements.add(new Statement.Located(token.line(), new Statement.Data(Text.trusted(token.text()))));
            } else if (token.kind() == Kind.PRINT_BEGIN) {
                statements.add(new Statement.Located(token.line(), new Statement.Print(expressions.tuple())));
                tokens.expect(Kind.PRINT_END, "'}}'");
            } else {
                if (tokens.at(Kind.NAME) && List.of(ends).contains(tokens.peek().text())) {
                    tokens.leave();
                    return new Statement.Block(statements);
                }
                statements.add(new Statement.Located(token.line(), tag()));
            }
        }
    }

    private Statement tag() {
        Token tag = tokens.peek();
        String name = tokens.expectName();
        switch (name) {
            case "if":
                return ifTag();
            case "for":
                return forTag();
            case "set":
                return setTag();
            case "macro":
                return macroTag();
            case "call":
                return callTag();
            case "filter":
                return filterTag();
            case "with":
                return withTag();
            case "generation":
                // Marks the assistant's part for training; rendering ignores it.
                return body("generation", "endgeneration");
            case "break":
            case "continue":
                if (loops == 0) {
                    throw new TemplateException("'" + name + "' stands outside of a for").at(tag.line());
                }
                endTag();
                return new Statement.Jump(name.equals("break") ? Statement.Flow.BREAK : Statement.Flow.CONTINUE);
            default:
                throw new TemplateException("the tag '" + name + "' is not supported here").at(tag.line());
        }
    }

    private void endTag() {
        tokens.expect(Kind.TAG_END, "'%}'");
    }

    /** The rest of the opening tag, the statements and the closing tag. */
    private Statement.Block body(String opening, String end) {
        endTag();
        Statement.Block body = until(opening, end);
        tokens.take();
        endTag();
        return body;
    }

    private Statement ifTag() {
        Expression condition = expressions.tupleWithoutCondition();
        endTag();
        Statement then = until("if", "elif", "else", "endif");
        String next = tokens.expectName();
        if (next.equals("elif")) {
            tokens.enter();
            Statement otherwise = new Statement.Located(tokens.peek().line(), ifTag());
            tokens.leave();
            return new Statement.If(condition, then, otherwise);
        }
        Statement otherwise = null;
        if (next.equals("else")) {
            otherwise = body("else", "endif");
        } else {
            endTag();
        }
        return new Statement.If(condition, then, otherwise);
    }

    private Statement forTag() {
        Target target = targets();
        if (!tokens.skipName("in")) {
            throw tokens.unexpected("'in'");
        }
        Expression items = expressions.tupleWithoutCondition();
        Expression condition = tokens.skipName("if") ? expressions.expression() : null;
        if (tokens.atName("recursive")) {
            throw tokens.failure("recursive loops are not supported: use a macro that calls itself");
        }
        endTag();
        loops++;
        Statement body = until("for", "else", "endfor");
        loops--;
        Statement otherwise = null;
        if (tokens.expectName().equals("else")) {
            otherwise = body("else", "endfor");
        } else {
            endTag();
        }
        return new Statement.For(target, items, condition, body, otherwise);
    }

    private Statement setTag() {
        Target target = targets();
        if (tokens.skipOperator("=")) {
            Expression value = expressions.tuple();
            endTag();
            return new Statement.Set(target, value);
        }
        Expression captured = new Expression.Name(Statement.CAPTURED);
        Expression filtered = expressions.filter(captured);
        return new Statement.SetBlock(target, filtered == captured ? null : filtered, outsideLoops("set", "endset"));
    }

    /** Names before {@code in} or {@code =}. */
    private Target targets() {
        List<Target> targets = new ArrayList<>();
        boolean tuple = false;
        do {
            if (tokens.atName("in") || tokens.atOperator("=")) {
                break;
            }
            targets.add(target());
            tuple |= tokens.atOperator(",");
        } while (tokens.skipOperator(","));
        return tuple || targets.size() != 1 ? new Target.Unpacked(targets) : targets.get(0);
    }

    private Target target() {
        if (tokens.skipOperator("(")) {
            tokens.enter();
            Target inner = targets();
            tokens.leave();
            tokens.expectOperator(")");
            return inner;
        }
        String name = variable();
        return tokens.skipOperator(".")
                ? new Target.NamespaceAttribute(name, tokens.expectName())
                : new Target.Variable(name);
    }

    private String variable() {
        if (tokens.at(Kind.NAME) && RESERVED.contains(tokens.peek().text())) {
            throw tokens.failure("'" + tokens.peek().text() + "' cannot be set");
        }
        return tokens.expectName();
    }

    private Statement macroTag() {
        String name = variable();
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        signature(parameters, defaults);
        return new Statement.Define(name, parameters, defaults, outsideLoops("macro", "endmacro"));
    }

    private void signature(List<String> parameters, List<Expression> defaults) {
        tokens.expectOperator("(");
        while (!tokens.skipOperator(")")) {
            parameters.add(variable());
            if (tokens.skipOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw tokens.failure("a parameter without default follows one with default");
            }
            if (!tokens.atOperator(")")) {
                tokens.expectOperator(",");
            }
        }
    }

    private Statement callTag() {
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        if (tokens.atOperator("(")) {
            signature(parameters, defaults);
        }
        if (!(expressions.expression() instanceof Expression.Call call)) {
            throw tokens.failure("call needs a macro call");
        }
        return new Statement.CallBlock(call, parameters, defaults, outsideLoops("call", "endcall"));
    }

    private Statement filterTag() {
        Expression captured = expressions.filterCall(new Expression.Name(Statement.CAPTURED));
        Expression filtered = expressions.filter(captured);
        return new Statement.FilterBlock(filtered, outsideLoops("filter", "endfilter"));
    }

    private Statement withTag() {
        List<Target> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.at(Kind.TAG_END)) {
            if (!targets.isEmpty()) {
                tokens.expectOperator(",");
            }
            targets.add(target());
            tokens.expectOperator("=");
            values.add(expressions.expression());
        }
        return new Statement.With(targets, values, body("with", "endwith"));
    }

    /** A body that is run on its own, so that break and continue cannot leave it. */
    private Statement.Block outsideLoops(String opening, String end) {
        int around = loops;
        loops = 0;
        Statement.Block body = body(opening, end);
        loops = around;
        return body;
    }
}
