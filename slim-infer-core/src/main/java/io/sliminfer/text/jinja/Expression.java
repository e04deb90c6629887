package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A node of an expression. Evaluates itself; {@link Operators}, {@link Attributes} and the filters do the work. */
sealed interface Expression {

    @Nullable
    Object evaluate(Frame frame);

    record Constant(@Nullable Object value) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            return value;
        }
    }

    record Name(String name) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            return frame.scope().get(name);
        }
    }

    record ListOf(List<Expression> items) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            return all(items, frame);
        }
    }

    record TupleOf(List<Expression> items) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            return new Tuple(all(items, frame));
        }
    }

    record DictOf(List<Expression> keys, List<Expression> values) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            Map<@Nullable Object, @Nullable Object> dict = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                dict.put(Values.key(keys.get(i).evaluate(frame)), values.get(i).evaluate(frame));
                frame.budget().spendElements(2);
            }
            return dict;
        }
    }

    record Attribute(Expression target, String name) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            return Attributes.attribute(target.evaluate(frame), name);
        }
    }

    record Item(Expression target, Expression key) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            return Attributes.item(target.evaluate(frame), key.evaluate(frame));
        }
    }

    record Slice(Expression target, @Nullable Expression start, @Nullable Expression stop, @Nullable Expression step)
            implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            return Slices.slice(
                    target.evaluate(frame),
                    optional(start, frame),
                    optional(stop, frame),
                    optional(step, frame),
                    frame.budget());
        }
    }

    record Call(Expression function, CallArguments arguments) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            Object callee = function.evaluate(frame);
            if (callee instanceof Callable callable) {
                frame.budget().spendStatement();
                return callable.call(frame, arguments.evaluate(frame));
            }
            throw callee instanceof Undefined undefined
                    ? undefined.failure()
                    : new TemplateException(Values.typeName(callee) + " cannot be called");
        }
    }

    record Filtered(Expression value, String filter, CallArguments arguments) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            return Filters.apply(filter, value.evaluate(frame), arguments.evaluate(frame), frame);
        }
    }

    record Tested(Expression value, String test, CallArguments arguments) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            return Conditions.holds(test, value.evaluate(frame), arguments.evaluate(frame), frame);
        }
    }

    record Not(Expression value) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            return !Values.isTrue(value.evaluate(frame));
        }
    }

    record And(Expression left, Expression right) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            Object value = left.evaluate(frame);
            return Values.isTrue(value) ? right.evaluate(frame) : value;
        }
    }

    record Or(Expression left, Expression right) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            Object value = left.evaluate(frame);
            return Values.isTrue(value) ? value : right.evaluate(frame);
        }
    }

    record Conditional(Expression condition, Expression then, @Nullable Expression otherwise) implements Expression {
        @Override
        public @Nullable Object evaluate(Frame frame) {
            if (Values.isTrue(condition.evaluate(frame))) {
                return then.evaluate(frame);
            }
            return otherwise == null
                    ? new Undefined("the inline if-expression evaluated to false and has no else")
                    : otherwise.evaluate(frame);
        }
    }

    record Unary(String operator, Expression value) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            return Operators.sign(operator, value.evaluate(frame));
        }
    }

    record Binary(String operator, Expression left, Expression right) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            return Operators.binary(operator, left.evaluate(frame), right.evaluate(frame), frame.budget());
        }
    }

    /** {@code a ~ b ~ c}: joined as text. */
    record Concat(List<Expression> parts) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            TextBuilder joined = new TextBuilder();
            for (Expression part : parts) {
                Text text = Printer.str(part.evaluate(frame), frame.budget());
                frame.budget().spend(text.length() + 1L);
                joined.append(text);
            }
            return joined.toText();
        }
    }

    /** {@code a < b <= c}: each operand is evaluated once, and only as far as needed. */
    record Comparison(Expression first, List<String> operators, List<Expression> others) implements Expression {
        @Override
        public Object evaluate(Frame frame) {
            Object left = first.evaluate(frame);
            for (int i = 0; i < operators.size(); i++) {
                Object right = others.get(i).evaluate(frame);
                if (!Operators.compare(operators.get(i), left, right, frame.budget())) {
                    return false;
                }
                left = right;
            }
            return true;
        }
    }

    private static List<@Nullable Object> all(List<Expression> expressions, Frame frame) {
        List<@Nullable Object> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(expression.evaluate(frame));
        }
        frame.budget().spendElements(values.size());
        return values;
    }

    private static @Nullable Object optional(@Nullable Expression expression, Frame frame) {
        return expression == null ? null : expression.evaluate(frame);
    }
}
