package io.sliminfer.text.jinja;

import io.sliminfer.text.jinja.Token.Kind;
import java.util.List;

/** The parser's place in the tokens. */
final class TokenStream {

    private static final int NESTING_MAX = 100;

    private final List<Token> tokens;
    private int next;
    private int nesting;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token peek() {
        return tokens.get(next);
    }

    Token lookAhead() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    Token take() {
        return tokens.get(next < tokens.size() - 1 ? next++ : next);
    }

    boolean at(Kind kind) {
        return peek().kind() == kind;
    }

    boolean atOperator(String operator) {
        return peek().is(Kind.OPERATOR, operator);
    }

    boolean atName(String name) {
        return peek().is(Kind.NAME, name);
    }

    boolean skipOperator(String operator) {
        boolean found = atOperator(operator);
        next += found ? 1 : 0;
        return found;
    }

    boolean skipName(String name) {
        boolean found = atName(name);
        next += found ? 1 : 0;
        return found;
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    String expectName() {
        if (!at(Kind.NAME)) {
            throw unexpected("a name");
        }
        return take().text();
    }

    void expect(Kind kind, String what) {
        if (!at(kind)) {
            throw unexpected(what);
        }
        take();
    }

    /** Bounds the nesting of brackets and tags, so that a hostile template cannot overflow the stack. */
    void enter() {
        if (++nesting > NESTING_MAX) {
            throw failure("the template is nested deeper than " + NESTING_MAX);
        }
    }

    void leave() {
        nesting--;
    }

    TemplateException unexpected(String wanted) {
        return failure("expected " + wanted + ", found " + peek().describe());
    }

    TemplateException failure(String problem) {
        return new TemplateException(problem).at(peek().line());
    }
}
