package io.sliminfer.text.jinja;

import io.sliminfer.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parses expressions with Jinja's precedence, lowest first: if-else, or, and, not, comparison, + -, ~, * / // %, **, sign. */
final class ExpressionParser {

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final Set<String> NOT_A_TEST_ARGUMENT = Set.of("else", "or", "and");

    private final TokenStream tokens;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    Expression expression() {
        tokens.enter();
        Expression value = or();
        while (tokens.skipName("if")) {
            Expression condition = or();
            Expression otherwise = tokens.skipName("else") ? expression() : null;
            value = new Expression.Conditional(condition, value, otherwise);
        }
        tokens.leave();
        return value;
    }

    /** {@code a} or {@code a, b, …}, which is a tuple. */
    Expression tuple() {
        return tupleOf(true, false);
    }

    /** As {@link #tuple}, where a following {@code if} belongs to the statement. */
    Expression tupleWithoutCondition() {
        return tupleOf(false, false);
    }

    private Expression tupleOf(boolean conditions, boolean parentheses) {
        List<Expression> items = new ArrayList<>();
        boolean tuple = false;
        while (!atTupleEnd()) {
            items.add(conditions ? expression() : or());
            if (!tokens.skipOperator(",")) {
                break;
            }
            tuple = true;
        }
        if (tuple || (items.isEmpty() && parentheses)) {
            return new Expression.TupleOf(items);
        }
        if (items.isEmpty()) {
            throw tokens.unexpected("an expression");
        }
        return items.get(0);
    }

    private boolean atTupleEnd() {
        return tokens.at(Kind.PRINT_END) || tokens.at(Kind.TAG_END) || tokens.atOperator(")");
    }

    Expression or() {
        Expression left = and();
        while (tokens.skipName("or")) {
            left = new Expression.Or(left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.skipName("and")) {
            left = new Expression.And(left, not());
        }
        return left;
    }

    private Expression not() {
        if (tokens.skipName("not")) {
            tokens.enter();
            Expression value = not();
            tokens.leave();
            return new Expression.Not(value);
        }
        return comparison();
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> others = new ArrayList<>();
        while (true) {
            if (tokens.at(Kind.OPERATOR) && COMPARISONS.contains(tokens.peek().text())) {
                operators.add(tokens.take().text());
            } else if (tokens.skipName("in")) {
                operators.add("in");
            } else if (tokens.atName("not") && tokens.lookAhead().is(Kind.NAME, "in")) {
                tokens.take();
                tokens.take();
                operators.add("not in");
            } else {
                return operators.isEmpty() ? first : new Expression.Comparison(first, operators, others);
            }
            others.add(sum());
        }
    }

    private Expression sum() {
        Expression left = concat();
        while (tokens.atOperator("+") || tokens.atOperator("-")) {
            left = new Expression.Binary(tokens.take().text(), left, concat());
        }
        return left;
    }

    private Expression concat() {
        Expression first = product();
        if (!tokens.atOperator("~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>(List.of(first));
        while (tokens.skipOperator("~")) {
            parts.add(product());
        }
        return new Expression.Concat(parts);
    }

    private Expression product() {
        Expression left = power();
        while (tokens.atOperator("*") || tokens.atOperator("/") || tokens.atOperator("//") || tokens.atOperator("%")) {
            left = new Expression.Binary(tokens.take().text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (tokens.skipOperator("**")) {
            left = new Expression.Binary("**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilters) {
        Expression value;
        if (tokens.atOperator("-") || tokens.atOperator("+")) {
            tokens.enter();
            value = new Expression.Unary(tokens.take().text(), unary(false));
            tokens.leave();
        } else {
            value = primary();
        }
        value = postfix(value);
        return withFilters ? filtersAndTests(value) : value;
    }

    private Expression primary() {
        Token token = tokens.take();
        switch (token.kind()) {
            case NAME:
                return name(token.text());
            case STRING:
                StringBuilder text = new StringBuilder(token.text());
                while (tokens.at(Kind.STRING)) {
                    text.append(tokens.take().text());
                }
                return new Expression.Constant(Text.trusted(text.toString()));
            case INTEGER:
                return new Expression.Constant(integer(token));
            case FLOAT:
                return new Expression.Constant(Double.parseDouble(token.text()));
            case OPERATOR:
                if (token.text().equals("(")) {
                    tokens.enter();
                    Expression value = tupleOf(true, true);
                    tokens.leave();
                    tokens.expectOperator(")");
                    return value;
                } else if (token.text().equals("[")) {
                    return new Expression.ListOf(listItems());
                } else if (token.text().equals("{")) {
                    return dict();
                }
                break;
            default:
                break;
        }
        throw new TemplateException("expected an expression, found " + token.describe()).at(token.line());
    }

    private static Expression name(String name) {
        switch (name) {
            case "true":
            case "True":
                return new Expression.Constant(true);
            case "false":
            case "False":
                return new Expression.Constant(false);
            case "none":
            case "None":
                return new Expression.Constant(null);
            default:
                return new Expression.Name(name);
        }
    }

    private static Long integer(Token token) {
        try {
            return Long.valueOf(token.text());
        } catch (NumberFormatException e) {
            throw new TemplateException("the integer " + token.text() + " does not fit into 64 bits").at(token.line());
        }
    }

    private List<Expression> listItems() {
        List<Expression> items = new ArrayList<>();
        while (!tokens.skipOperator("]")) {
            items.add(expression());
            if (!tokens.atOperator("]")) {
                tokens.expectOperator(",");
            }
        }
        return items;
    }

    private Expression dict() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.skipOperator("}")) {
            keys.add(expression());
            tokens.expectOperator(":");
            values.add(expression());
            if (!tokens.atOperator("}")) {
                tokens.expectOperator(",");
            }
        }
        return new Expression.DictOf(keys, values);
    }

    private Expression postfix(Expression start) {
        Expression value = start;
        while (true) {
            if (tokens.skipOperator(".")) {
                if (tokens.at(Kind.INTEGER)) {
                    value = new Expression.Item(value, new Expression.Constant(integer(tokens.take())));
                } else {
                    value = new Expression.Attribute(value, tokens.expectName());
                }
            } else if (tokens.skipOperator("[")) {
                value = subscript(value);
            } else if (tokens.atOperator("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression subscript(Expression target) {
        Expression start = tokens.atOperator(":") ? null : expression();
        if (start != null && !tokens.atOperator(":")) {
            tokens.expectOperator("]");
            return new Expression.Item(target, start);
        }
        tokens.expectOperator(":");
        Expression stop = tokens.atOperator(":") || tokens.atOperator("]") ? null : expression();
        Expression step = null;
        if (tokens.skipOperator(":")) {
            step = tokens.atOperator("]") ? null : expression();
        }
        tokens.expectOperator("]");
        return new Expression.Slice(target, start, stop, step);
    }

    private Expression filtersAndTests(Expression start) {
        Expression value = start;
        while (true) {
            if (tokens.atOperator("|")) {
                value = filter(value);
            } else if (tokens.skipName("is")) {
                value = test(value);
            } else if (tokens.atOperator("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    /** {@code | name(…)}; one or more. */
    Expression filter(Expression start) {
        Expression value = start;
        while (tokens.skipOperator("|")) {
            value = filterCall(value);
        }
        return value;
    }

    /** {@code name(…)} as in {@code {% filter name(…) %}}. */
    Expression filterCall(Expression value) {
        String name = tokens.expectName();
        return new Expression.Filtered(value, name, tokens.atOperator("(") ? arguments() : CallArguments.NONE);
    }

    private Expression test(Expression value) {
        boolean negated = tokens.skipName("not");
        String name = tokens.expectName();
        CallArguments arguments = CallArguments.NONE;
        if (tokens.atOperator("(")) {
            arguments = arguments();
        } else if (atTestArgument()) {
            if (tokens.atName("is")) {
                throw tokens.failure("tests cannot be chained: write 'a is b and a is c'");
            }
            arguments = new CallArguments(List.of(postfix(primary())), Map.of(), null, null);
        }
        Expression test = new Expression.Tested(value, name, arguments);
        return negated ? new Expression.Not(test) : test;
    }

    private boolean atTestArgument() {
        switch (tokens.peek().kind()) {
            case NAME:
                return !NOT_A_TEST_ARGUMENT.contains(tokens.peek().text());
            case STRING:
            case INTEGER:
            case FLOAT:
                return true;
            default:
                return tokens.atOperator("[") || tokens.atOperator("{");
        }
    }

    private CallArguments arguments() {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        @Nullable Expression more = null;
        @Nullable Expression others = null;
        while (!tokens.skipOperator(")")) {
            if (tokens.skipOperator("**")) {
                others = expression();
            } else if (tokens.skipOperator("*")) {
                more = expression();
            } else if (tokens.at(Kind.NAME) && tokens.lookAhead().is(Kind.OPERATOR, "=")) {
                String name = tokens.expectName();
                tokens.take();
                named.put(name, expression());
            } else if (!named.isEmpty() || others != null) {
                throw tokens.failure("an argument without name follows one with name");
            } else {
                positional.add(expression());
            }
            if (!tokens.atOperator(")")) {
                tokens.expectOperator(",");
            }
        }
        return new CallArguments(positional, named, more, others);
    }
}
