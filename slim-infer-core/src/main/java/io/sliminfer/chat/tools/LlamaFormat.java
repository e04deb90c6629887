package io.sliminfer.chat.tools;

import io.sliminfer.grammar.Expression;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Llama from 3.1 on: {@code {"name": …, "parameters": {…}}} as the whole answer, or behind {@code <|python_tag|>} and perhaps text; several
 * follow each other, separated by white space, {@code ;} or {@code ,}. Without the tag, JSON of another shape is an answer in JSON, not
 * a malformed call. What the model's built-in tools take (Python behind the tag) is not read: no request can define them.
 */
final class LlamaFormat implements ToolFormat {

    private static final String TAG = "<|python_tag|>";

    /** Fields of a call. JSON that begins with another one is given out at once. */
    private static final Set<String> FIELDS = Set.of("name", "parameters", "arguments", "type");

    /** The templates published with Llama 3.1 and later raise an error at a message with several calls. */
    private final boolean oneCallOnly;

    LlamaFormat(String template) {
        this.oneCallOnly = template.contains("single tool-call");
    }

    static boolean isIn(String template) {
        return template.contains(TAG) || (template.contains("ipython") && template.contains("\"parameters\""));
    }

    @Override
    public List<String> marks() {
        return List.of(TAG);
    }

    /** Without the tag: the templates ask for the object alone. */
    @Override
    public Expression calls(CallGrammar grammar) {
        Expression call = grammar.object("parameters");
        return oneCallOnly ? call : CallGrammar.list(call, Expression.literal("; "));
    }

    @Override
    public ToolCallReader newReader(ToolCallReader.Output out) {
        return new Reader(new CallOutput(out));
    }

    /** Where a template takes one call a message, calls made together become turns one after the other, each with its result. */
    @Override
    public List<Map<String, Object>> conversation(List<Map<String, Object>> messages) {
        if (!oneCallOnly) {
            return messages;
        }
        List<Map<String, Object>> turns = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            Map<String, Object> message = messages.get(i);
            if (!(message.get("tool_calls") instanceof List<?> calls) || calls.size() < 2) {
                turns.add(message);
                continue;
            }
            int results = i + 1;
            while (results < messages.size()
                    && "tool".equals(messages.get(results).get("role"))) {
                results++;
            }
            List<Map<String, Object>> open = new ArrayList<>(messages.subList(i + 1, results));
            for (Object call : calls) {
                Map<String, Object> turn = new LinkedHashMap<>(message);
                turn.put("tool_calls", List.of(call));
                turns.add(turn);
                resultOf(call, open).ifPresent(turns::add);
            }
            turns.addAll(open);
            i = results - 1;
        }
        return turns;
    }

    /** Takes the result with the call's id, or the first one if none has it. */
    private static Optional<Map<String, Object>> resultOf(Object call, List<Map<String, Object>> open) {
        Object id = call instanceof Map<?, ?> map ? map.get("id") : null;
        for (Map<String, Object> result : open) {
            if (id != null && id.equals(result.get("tool_call_id"))) {
                open.remove(result);
                return Optional.of(result);
            }
        }
        return open.isEmpty() ? Optional.empty() : Optional.of(open.remove(0));
    }

    private static final class Reader implements ToolCallReader {

        private enum At {
            /** Nothing but white space so far. */
            START,
            TEXT,
            /** Behind the tag. */
            TAGGED,
            OBJECT,
            /** Behind a call. */
            BETWEEN
        }

        private final CallOutput out;

        /** What stands before the object and belongs to no text: the tag, separators. */
        private final StringBuilder before = new StringBuilder();

        private final StringBuilder json = new StringBuilder();
        private JsonSpan span = new JsonSpan();
        private At at = At.START;
        private boolean tagged;

        Reader(CallOutput out) {
            this.out = out;
        }

        @Override
        public void text(String text) {
            int done = 0;
            while (done < text.length()) {
                done = switch (at) {
                    case TEXT -> outside(text, done);
                    case OBJECT -> inside(text, done);
                    default -> beforeObject(text, done);
                };
            }
        }

        private int outside(String text, int from) {
            out.text(text.substring(from));
            return text.length();
        }

        private int beforeObject(String text, int from) {
            char c = text.charAt(from);
            if (c == '{') {
                at = At.OBJECT;
                return from;
            }
            if (Character.isWhitespace(c) || (at == At.BETWEEN && (c == ';' || c == ','))) {
                before.append(c);
                return from + 1;
            }
            if (at == At.TAGGED) {
                giveUp("what follows " + TAG + " is not JSON");
            } else {
                release();
            }
            return from;
        }

        private int inside(String text, int from) {
            int end = span.append(text, from);
            json.append(text, from, end < 0 ? text.length() : end);
            if (end >= 0) {
                end();
                return end;
            }
            if (!tagged && !mayBeCall()) {
                release();
            }
            return text.length();
        }

        /** Whether the first field's name is, or may become, one of a call's. */
        private boolean mayBeCall() {
            String fields = json.substring(1).stripLeading();
            if (fields.isEmpty()) {
                return true;
            }
            if (fields.charAt(0) != '"') {
                return false;
            }
            int close = fields.indexOf('"', 1);
            String first = close < 0 ? fields.substring(1) : fields.substring(1, close);
            return FIELDS.stream().anyMatch(field -> close < 0 ? field.startsWith(first) : field.equals(first));
        }

        private void end() {
            try {
                if (!tagged && !hasShapeOfCall()) {
                    release();
                    return;
                }
                out.call(CallJson.call(json.toString()));
                clear(At.BETWEEN);
            } catch (CallJson.Malformed e) {
                giveUp(e.getMessage());
            }
        }

        private boolean hasShapeOfCall() throws CallJson.Malformed {
            if (!mayBeCall()) {
                return false;
            }
            Set<String> names = CallJson.fields(json.toString()).keySet();
            return FIELDS.containsAll(names)
                    && names.contains("name")
                    && (names.contains("parameters") || names.contains("arguments"));
        }

        /** It is text, and so is all that follows. */
        private void release() {
            String text = before.toString() + json;
            clear(At.TEXT);
            if (!text.isEmpty()) {
                out.text(text);
            }
        }

        private void giveUp(String problem) {
            String raw = before.toString() + json;
            clear(At.TEXT);
            out.malformed(raw, "a tool call cannot be read: " + problem);
        }

        private void clear(At next) {
            at = next;
            before.setLength(0);
            json.setLength(0);
            span = new JsonSpan();
        }

        @Override
        public void mark(String mark, boolean token) {
            if (at == At.OBJECT && !token && span.isInString()) {
                text(mark);
                return;
            }
            finishPart();
            clear(At.TAGGED);
            tagged = true;
            before.append(mark);
        }

        /** Ends what began, be it by the tag or by the answer's end. */
        private void finishPart() {
            switch (at) {
                case OBJECT -> giveUp("it ends early");
                case TAGGED -> giveUp("nothing follows " + TAG);
                case START -> release();
                default -> {}
            }
        }

        @Override
        public void finish() {
            finishPart();
            out.finish();
        }
    }
}
