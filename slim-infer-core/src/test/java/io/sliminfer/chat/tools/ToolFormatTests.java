package io.sliminfer.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ToolFormatTests {

    @ParameterizedTest
    @CsvSource({
        "within <tool_call></tool_call> tags, HermesFormat",
        "'[TOOL_CALLS] [', MistralFormat",
        "'[TOOL_CALLS]name[ARGS]', MistralFormat",
        "<|python_tag|>, LlamaFormat",
        "'<|start_header_id|>ipython … \"parameters\": ', LlamaFormat"
    })
    void theTemplateTellsTheFormat(String template, String name) {
        assertThat(ToolFormat.of(template).orElseThrow().getClass().getSimpleName())
                .isEqualTo(name);
    }

    @ParameterizedTest
    @CsvSource({"<tool_call><function=f>", "<tool_call>f<arg_key>a", "<｜tool▁calls▁begin｜>", "plain"})
    void otherFormsAreNotTakenForOneOfThese(String template) {
        assertThat(ToolFormat.of(template)).isEmpty();
    }

    /** Whatever a model writes: how it is cut into pieces changes nothing, and without a call the text is the answer. */
    @Test
    void noTextIsLost() {
        List<String> parts = List.of(
                "<tool_call>",
                "</tool_call>",
                "<|python_tag|>",
                "[TOOL_CALLS]",
                "[ARGS]",
                "[CALL_ID]",
                "{",
                "}",
                "[",
                "]",
                "\"",
                "\\",
                " ",
                "\n",
                ";",
                ",",
                ":",
                "f",
                "\"name\": \"f\"",
                "\"arguments\": {}",
                "\"parameters\": {\"a\": 1}",
                "{\"name\": \"f\", \"parameters\": {}}",
                "text");
        int withCalls = 0;
        for (int seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            StringBuilder answer = new StringBuilder();
            for (int i = random.nextInt(12); i >= 0; i--) {
                answer.append(parts.get(random.nextInt(parts.size())));
            }
            for (ToolFormat format :
                    List.of(new HermesFormat(), new MistralFormat("[TOOL_CALLS]"), new LlamaFormat(""))) {
                Answers.Read read = Answers.read(format, random.nextBoolean(), answer.toString());
                if (read.calls().isEmpty()) {
                    assertThat(read.text()).as("seed %d", seed).isEqualTo(answer.toString());
                } else {
                    withCalls++;
                }
            }
        }
        assertThat(withCalls).as("answers with calls").isGreaterThan(100);
    }
}
