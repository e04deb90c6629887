package io.sliminfer.chat.tools;

import io.sliminfer.grammar.Expression;
import java.util.List;

/**
 * Hermes, Qwen2.5 and Qwen3: each call a JSON object between {@code <tool_call>} and {@code </tool_call>}, text around them. Models of
 * this kind that write calls in XML inside of the marks (Qwen3-Coder, GLM) are not of this form.
 */
final class HermesFormat implements ToolFormat {

    private static final String OPEN = "<tool_call>";
    private static final String CLOSE = "</tool_call>";

    static boolean isIn(String template) {
        return template.contains(OPEN) && !template.contains("<function=") && !template.contains("<arg_key>");
    }

    @Override
    public List<String> marks() {
        return List.of(OPEN, CLOSE);
    }

    @Override
    public Expression calls(CallGrammar grammar) {
        Expression call = Expression.sequence(
                grammar.mark(OPEN),
                Expression.literal("\n"),
                grammar.object("arguments"),
                Expression.literal("\n"),
                grammar.mark(CLOSE));
        return CallGrammar.list(call, Expression.literal("\n"));
    }

    @Override
    public ToolCallReader newReader(ToolCallReader.Output out) {
        return new Reader(new CallOutput(out));
    }

    private static final class Reader implements ToolCallReader {

        private final CallOutput out;
        private final StringBuilder body = new StringBuilder();
        private JsonSpan span = new JsonSpan();
        private boolean inCall;

        Reader(CallOutput out) {
            this.out = out;
        }

        @Override
        public void text(String text) {
            if (inCall) {
                body.append(text);
                for (int at = 0; at >= 0 && at < text.length(); ) {
                    at = span.append(text, at); // also behind the object: whatever it is, a mark may be in a string
                }
            } else {
                out.text(text);
            }
        }

        @Override
        public void mark(String mark, boolean token) {
            if (inCall && !token && span.isInString()) {
                text(mark);
            } else if (mark.equals(OPEN)) {
                end(""); // of a call that its model forgot to close
                inCall = true;
            } else if (inCall) {
                end(CLOSE);
            } else {
                out.text(mark);
            }
        }

        private void end(String close) {
            if (!inCall) {
                return;
            }
            try {
                out.call(CallJson.call(body.toString()));
            } catch (CallJson.Malformed e) {
                out.malformed(OPEN + body + close, "a tool call cannot be read: " + e.getMessage());
            }
            inCall = false;
            body.setLength(0);
            span = new JsonSpan();
        }

        @Override
        public void finish() {
            end("");
            out.finish();
        }
    }
}
