package io.sliminfer.chat.tools;

import io.sliminfer.grammar.Expression;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Mistral: {@code [TOOL_CALLS]} and a JSON list of calls; from tokenizer version 11 on {@code [TOOL_CALLS]name[ARGS]{…}} for each call,
 * perhaps with {@code [CALL_ID]id} behind the name. Text may come before.
 */
final class MistralFormat implements ToolFormat {

    private static final String CALLS = "[TOOL_CALLS]";
    private static final String ID = "[CALL_ID]";
    private static final String ARGUMENTS = "[ARGS]";

    /** Whether each call has the mark and its tool's name, rather than all being in one list. */
    private final boolean named;

    MistralFormat(String template) {
        this.named = template.contains(ARGUMENTS);
    }

    static boolean isIn(String template) {
        return template.contains(CALLS);
    }

    @Override
    public List<String> marks() {
        return List.of(CALLS, ID, ARGUMENTS);
    }

    @Override
    public Expression calls(CallGrammar grammar) {
        if (!named) {
            Expression separator = Expression.sequence(Expression.literal(","), CallGrammar.space());
            return Expression.sequence(
                    grammar.mark(CALLS),
                    CallGrammar.space(),
                    Expression.literal("["),
                    CallGrammar.list(grammar.object("arguments"), separator),
                    Expression.literal("]"));
        }
        List<Expression> calls = new ArrayList<>();
        for (CallGrammar.Tool tool : grammar.tools()) {
            calls.add(Expression.sequence(
                    grammar.mark(CALLS), Expression.literal(tool.name()), grammar.mark(ARGUMENTS), tool.arguments()));
        }
        return CallGrammar.list(Expression.choice(calls), Expression.literal(""));
    }

    @Override
    public ToolCallReader newReader(ToolCallReader.Output out) {
        return new Reader(new CallOutput(out));
    }

    /** Mistral's templates refuse ids of another shape, such as those of calls that another model made earlier in the conversation. */
    @Override
    public List<Map<String, Object>> conversation(List<Map<String, Object>> messages) {
        List<Map<String, Object>> shaped = new ArrayList<>();
        for (Map<String, Object> message : messages) {
            Map<String, Object> copy = withShapedId(message, "tool_call_id");
            if (message.get("tool_calls") instanceof List<?> calls) {
                copy.put(
                        "tool_calls",
                        calls.stream()
                                .map(call -> call instanceof Map<?, ?> map ? withShapedId(map, "id") : call)
                                .toList());
            }
            shaped.add(copy);
        }
        return shaped;
    }

    private static Map<String, Object> withShapedId(Map<?, ?> map, String key) {
        Map<String, Object> copy = new LinkedHashMap<>();
        map.forEach((name, value) -> copy.put(
                String.valueOf(name), key.equals(name) && value instanceof String id ? CallIds.shaped(id) : value));
        return copy;
    }

    private static final class Reader implements ToolCallReader {

        private enum At {
            TEXT,
            /** Behind {@link #CALLS}: a list, or a name. */
            CALL,
            LIST,
            ID,
            /** Behind {@link #ARGUMENTS}. */
            BEFORE_OBJECT,
            OBJECT
        }

        private final CallOutput out;

        /** The call's text since {@link #CALLS}, for the case that it is none. */
        private final StringBuilder raw = new StringBuilder();

        private final StringBuilder name = new StringBuilder();
        private final StringBuilder id = new StringBuilder();
        private final StringBuilder json = new StringBuilder();
        private JsonSpan span = new JsonSpan();
        private At at = At.TEXT;

        Reader(CallOutput out) {
            this.out = out;
        }

        @Override
        public void text(String text) {
            int done = 0;
            while (done < text.length()) {
                done = at == At.TEXT ? outside(text, done) : inside(text, done);
            }
        }

        private int outside(String text, int from) {
            out.text(text.substring(from));
            return text.length();
        }

        /** Takes what belongs to the same part of the call and returns where the next begins. */
        private int inside(String text, int from) {
            char c = text.charAt(from);
            switch (at) {
                case CALL -> {
                    if (c == '{' || (c == '[' && name.toString().isBlank())) {
                        at = c == '[' ? At.LIST : At.OBJECT; // some models leave [ARGS] out
                        return from;
                    }
                    name.append(c);
                }
                case ID -> id.append(c);
                case BEFORE_OBJECT -> {
                    if (!Character.isWhitespace(c)) {
                        at = At.OBJECT;
                        return from;
                    }
                }
                default -> {
                    return json(text, from);
                }
            }
            raw.append(c);
            return from + 1;
        }

        private int json(String text, int from) {
            int end = span.append(text, from);
            int to = end < 0 ? text.length() : end;
            raw.append(text, from, to);
            json.append(text, from, to);
            if (end >= 0) {
                end();
            }
            return to;
        }

        @Override
        public void mark(String mark, boolean token) {
            if (!token && span.isInString()) {
                text(mark);
            } else if (mark.equals(CALLS)) {
                end();
                at = At.CALL;
                raw.append(mark);
            } else if (at == At.CALL || at == At.ID) {
                at = mark.equals(ID) ? At.ID : At.BEFORE_OBJECT;
                raw.append(mark);
            } else if (at == At.TEXT) {
                out.text(mark);
            } else {
                raw.append(mark);
                json.append(mark);
            }
        }

        private void end() {
            if (at == At.TEXT) {
                return;
            }
            try {
                for (ToolCall call : calls()) {
                    out.call(call);
                }
            } catch (CallJson.Malformed e) {
                out.malformed(raw.toString(), "a tool call cannot be read: " + e.getMessage());
            }
            at = At.TEXT;
            for (StringBuilder part : List.of(raw, name, id, json)) {
                part.setLength(0);
            }
            span = new JsonSpan();
        }

        private List<ToolCall> calls() throws CallJson.Malformed {
            if (at == At.LIST) {
                return CallJson.calls(json.toString());
            }
            String tool = name.toString().strip();
            if (tool.isEmpty() || tool.chars().anyMatch(Character::isWhitespace)) {
                throw new CallJson.Malformed("neither a list nor a tool's name follows " + CALLS);
            }
            String given = id.toString().strip();
            return List.of(
                    new ToolCall(given.isEmpty() ? CallIds.next() : given, tool, CallJson.object(json.toString())));
        }

        @Override
        public void finish() {
            end();
            out.finish();
        }
    }
}
