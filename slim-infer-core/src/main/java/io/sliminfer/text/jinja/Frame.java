package io.sliminfer.text.jinja;

/** Where a statement runs: its variables, where its output goes, and what is left of the budget. */
record Frame(Scope scope, TextBuilder out, Budget budget) {

    /** The same output with variables of its own. */
    Frame inner() {
        return new Frame(new Scope(scope), out, budget);
    }

    /** Variables of its own and output that the caller takes. */
    Frame capture() {
        return new Frame(new Scope(scope), new TextBuilder(), budget);
    }

    void write(Text text) {
        budget.spend(text.length() + 1L);
        out.append(text);
        budget.checkOutput(out.length());
    }
}
