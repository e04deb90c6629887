package io.sliminfer.chat.tools;

import io.sliminfer.grammar.Expression;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The form in which a family of models writes tool calls. Stateless. */
public interface ToolFormat {

    /** The form of the calls that a template renders, or empty if it is none that is known here. */
    static Optional<ToolFormat> of(String template) {
        if (MistralFormat.isIn(template)) {
            return Optional.of(new MistralFormat(template));
        }
        if (HermesFormat.isIn(template)) {
            return Optional.of(new HermesFormat());
        }
        return LlamaFormat.isIn(template) ? Optional.of(new LlamaFormat(template)) : Optional.empty();
    }

    /** Strings that structure an answer with calls; tokens of their own in most vocabularies. */
    List<String> marks();

    /** One or several calls, and nothing beside them, as the form's models write them. */
    Expression calls(CallGrammar grammar);

    /** A reader for one answer. */
    ToolCallReader newReader(ToolCallReader.Output out);

    /**
     * The conversation as templates of this form take it.
     *
     * @param messages in the shape of {@link io.sliminfer.text.ChatTemplate#render}
     */
    default List<Map<String, Object>> conversation(List<Map<String, Object>> messages) {
        return messages;
    }
}
