package io.sliminfer.chat;

import io.sliminfer.chat.tools.ToolFormat;
import io.sliminfer.text.ChatTemplate;
import io.sliminfer.text.RenderedPrompt;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A chat template and what it tells of its model's answers: the form of tool calls, and whether the model thinks.
 *
 * @param tools    null if the form is not known
 * @param thinking null if the model does not think
 */
record ModelTemplate(ChatTemplate template, @Nullable ToolFormat tools, @Nullable ThinkingMarks thinking) {

    static ModelTemplate of(ChatTemplate template) {
        return new ModelTemplate(
                template,
                ToolFormat.of(template.source()).orElse(null),
                ThinkingMarks.in(template.source()).orElse(null));
    }

    /**
     * @param model its name, for messages
     * @throws IllegalArgumentException if the request has tools that the model cannot call, or the template refuses the conversation
     */
    RenderedPrompt render(ChatRequest request, String model) {
        if (!request.tools().isEmpty()) {
            requireTools(model);
        }
        // Earlier turns may hold calls although this request has no tools.
        List<Map<String, Object>> conversation =
                tools == null ? request.messages() : tools.conversation(request.messages());
        return template.render(conversation, request.tools(), request.arguments());
    }

    private void requireTools(String model) {
        if (!template.takesTools()) {
            throw new IllegalArgumentException("the request has tools, but the chat template of model '" + model
                    + "' takes none: it does not read the variable 'tools'. Send the request without tools, or use a model"
                    + " that was trained to call tools");
        }
        if (tools == null) {
            throw new IllegalArgumentException("the request has tools, but the form in which model '" + model
                    + "' writes calls is not known: its chat template has neither <tool_call> with JSON (Hermes, Qwen), nor"
                    + " [TOOL_CALLS] (Mistral), nor <|python_tag|> or the role ipython (Llama). Send the request without"
                    + " tools, or use a model of one of these forms");
        }
    }

    /** What the answer to the prompt rendered may hold. */
    AnswerReader.Settings answer(ChatRequest request, RenderedPrompt prompt) {
        return new AnswerReader.Settings(
                request.stop(),
                request.tools().isEmpty() ? null : tools,
                thinking,
                thinking != null && thinking.areOpenAtEndOf(prompt),
                request.thinking());
    }
}
