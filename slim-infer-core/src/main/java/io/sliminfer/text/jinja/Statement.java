package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** A node of a template that writes output or sets variables. */
sealed interface Statement {

    /** Where to go on after a statement. */
    enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    Flow execute(Frame frame);

    /** Statements one after the other. */
    record Block(List<Statement> statements) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            for (Statement statement : statements) {
                Flow flow = statement.execute(frame);
                if (flow != Flow.NEXT) {
                    return flow;
                }
            }
            return Flow.NEXT;
        }

        /** The output of the statements, with variables of their own. */
        Text capture(Frame frame) {
            Frame captured = frame.capture();
            execute(captured);
            return captured.out().toText();
        }
    }

    /** A statement with its line, for messages. */
    record Located(int line, Statement statement) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            try {
                frame.budget().spendStatement();
                return statement.execute(frame);
            } catch (TemplateException e) {
                throw e.at(line);
            }
        }
    }

    record Data(Text text) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            frame.write(text);
            return Flow.NEXT;
        }
    }

    record Print(Expression value) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            frame.write(Printer.str(value.evaluate(frame), frame.budget()));
            return Flow.NEXT;
        }
    }

    record If(Expression condition, Statement then, @Nullable Statement otherwise) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            if (Values.isTrue(condition.evaluate(frame))) {
                return then.execute(frame);
            }
            return otherwise == null ? Flow.NEXT : otherwise.execute(frame);
        }
    }

    record For(
            Target target,
            Expression items,
            @Nullable Expression condition,
            Statement body,
            @Nullable Statement otherwise)
            implements Statement {
        @Override
        public Flow execute(Frame frame) {
            Object value = items.evaluate(frame);
            if (!Values.isIterable(value)) {
                throw new TemplateException(Values.typeName(value) + " is not iterable");
            }
            boolean known = condition == null && Values.hasLength(value);
            Iterator<@Nullable Object> iterator = Values.iterator(value, frame.budget());
            Loop loop = new Loop(
                    condition == null ? iterator : filtered(iterator, condition, frame),
                    known ? Values.length(value) : -1);
            boolean completed = false;
            while (loop.advance()) {
                frame.budget().spendStatement();
                Frame turn = frame.inner();
                turn.scope().set("loop", loop);
                target.assign(loop.current(), turn);
                Flow flow = body.execute(turn);
                if (flow == Flow.BREAK) {
                    break;
                }
                // As in Jinja, else also runs if every turn was left by break or continue.
                completed |= flow == Flow.NEXT;
            }
            return completed || otherwise == null ? Flow.NEXT : otherwise.execute(frame.inner());
        }

        /** Asks for each item when it is reached, because the body may change what the condition reads. */
        private Iterator<@Nullable Object> filtered(Iterator<@Nullable Object> all, Expression wanted, Frame frame) {
            return new Iterator<>() {
                private final List<@Nullable Object> found = new ArrayList<>(1);

                @Override
                public boolean hasNext() {
                    while (found.isEmpty() && all.hasNext()) {
                        Object item = all.next();
                        Frame turn = frame.inner();
                        frame.budget().spendStatement();
                        target.assign(item, turn);
                        if (Values.isTrue(wanted.evaluate(turn))) {
                            found.add(item);
                        }
                    }
                    return !found.isEmpty();
                }

                @Override
                public @Nullable Object next() {
                    if (!hasNext()) {
                        throw new NoSuchElementException();
                    }
                    return found.remove(0);
                }
            };
        }
    }

    record Set(Target target, Expression value) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            target.assign(value.evaluate(frame), frame);
            return Flow.NEXT;
        }
    }

    /** {@code {% set name | filter %}…{% endset %}}; the filter is an expression on the variable {@link #CAPTURED}. */
    record SetBlock(Target target, @Nullable Expression filtered, Block body) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            target.assign(filter(body.capture(frame), filtered, frame), frame);
            return Flow.NEXT;
        }
    }

    record FilterBlock(Expression filtered, Block body) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            frame.write(Printer.str(filter(body.capture(frame), filtered, frame), frame.budget()));
            return Flow.NEXT;
        }
    }

    record With(List<Target> targets, List<Expression> values, Statement body) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            Frame inner = frame.inner();
            for (int i = 0; i < targets.size(); i++) {
                targets.get(i).assign(values.get(i).evaluate(frame), inner);
            }
            return body.execute(inner);
        }
    }

    record Define(String name, List<String> parameters, List<Expression> defaults, Block body) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            frame.scope().set(name, new Macro(name, parameters, defaults, body, frame.scope()));
            return Flow.NEXT;
        }
    }

    /** {@code {% call(parameters) macro(…) %}…{% endcall %}}: the macro sees the body as {@code caller}. */
    record CallBlock(Expression.Call call, List<String> parameters, List<Expression> defaults, Block body)
            implements Statement {
        @Override
        public Flow execute(Frame frame) {
            Macro caller = new Macro("caller", parameters, defaults, body, frame.scope());
            Object macro = call.function().evaluate(frame);
            if (!(macro instanceof Macro callee)) {
                throw new TemplateException("call needs a macro, not " + Values.typeName(macro));
            }
            frame.write(callee.call(frame, call.arguments().evaluate(frame), caller));
            return Flow.NEXT;
        }
    }

    record Jump(Flow flow) implements Statement {
        @Override
        public Flow execute(Frame frame) {
            return flow;
        }
    }

    String CAPTURED = " captured";

    private static @Nullable Object filter(Text text, @Nullable Expression filtered, Frame frame) {
        if (filtered == null) {
            return text;
        }
        Frame inner = frame.inner();
        inner.scope().set(CAPTURED, text);
        return filtered.evaluate(inner);
    }
}
