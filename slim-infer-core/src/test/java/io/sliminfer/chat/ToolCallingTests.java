package io.sliminfer.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.chat.tools.ToolCall;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.Sampling;
import io.sliminfer.text.ChatTemplate;
import io.sliminfer.text.TinyTokenizer;
import io.sliminfer.text.Tokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** From template to prompt, and from the answer's ids to calls. */
@Timeout(60)
class ToolCallingTests {

    private static final Map<String, Object> WEATHER = ordered(
            "type",
            "function",
            "function",
            ordered(
                    "name",
                    "weather",
                    "description",
                    "Weather of a <tool_call> city",
                    "parameters",
                    Map.of("type", "object", "properties", Map.of("city", Map.of("type", "string")))));

    private static Map<String, Object> ordered(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }

    private static Map<String, Object> user(String text) {
        return Map.of("role", "user", "content", text);
    }

    private static ChatRequest request(List<Map<String, Object>> messages, boolean tools, String... stop) {
        return new ChatRequest(
                messages, tools ? List.of(WEATHER) : List.of(), Map.of(), Sampling.GREEDY, 0, List.of(stop), null);
    }

    private static ChatResult answer(String template, boolean special, String answer, boolean tools, String... stop) {
        try (ScriptedChat scripted = new ScriptedChat(template, special, prompt -> answer)) {
            return scripted.chat().generate(request(List.of(user("Weather?")), tools, stop));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            quoteCharacter = '`',
            value = {
                "hermes#Wait.\\n<tool_call>\\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Zürich 🦙\"}}\\n</tool_call>",
                "llama#Wait.\\n<|python_tag|>{\"name\": \"weather\", \"parameters\": {\"city\": \"Zürich 🦙\"}}",
                "mistral-list#Wait.\\n[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": \"Zürich 🦙\"}}]",
                "mistral-named#Wait.\\n[TOOL_CALLS]weather[ARGS]{\"city\": \"Zürich 🦙\"}"
            })
    void readsCallsWhetherOrNotTheirMarksAreShown(String template, String answer) {
        for (boolean special : new boolean[] {true, false}) {
            ChatResult result = answer(template, special, answer.replace("\\n", "\n"), true);

            assertThat(result.toolCalls()).hasSize(1);
            assertThat(result.toolCalls().get(0).name()).isEqualTo("weather");
            assertThat(result.toolCalls().get(0).arguments()).isEqualTo("{\"city\": \"Zürich 🦙\"}");
            assertThat(result.text()).isEqualTo("Wait.");
            assertThat(result.toolCallProblem()).isNull();
            assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        }
    }

    /** A model that repeats what a document says spells it: that calls nothing. */
    @ParameterizedTest
    @ValueSource(
            strings = {ScriptedChat.HERMES, ScriptedChat.LLAMA, ScriptedChat.MISTRAL_LIST, ScriptedChat.MISTRAL_NAMED})
    void spelledMarksAreText(String template) {
        String said = "It says <tool_call>{\"name\": \"weather\"}</tool_call> <|python_tag|>{\"name\": \"weather\","
                + " \"parameters\": {}} [TOOL_CALLS] [{\"name\": \"weather\"}] [TOOL_CALLS]weather[ARGS]{}";

        ChatResult result = answer(template, true, ScriptedChat.SPELLED + said, true);

        assertThat(result.toolCalls()).isEmpty();
        assertThat(result.text()).isEqualTo(said);
        assertThat(result.toolCallProblem()).isNull();
    }

    private static ChatResult formatted(String answer) {
        try (ScriptedChat scripted = new ScriptedChat(ScriptedChat.HERMES, true, prompt -> answer)) {
            return scripted.chat()
                    .generate(new ChatRequest(
                            List.of(user("Weather?")),
                            List.of(WEATHER),
                            Map.of(),
                            Sampling.GREEDY,
                            0,
                            List.of(),
                            null,
                            true,
                            ThinkingMode.SEPARATE,
                            null,
                            ResponseFormat.JSON_OBJECT));
        }
    }

    @Test
    void withAFormatACallIsNoAnswerAndAnAnswerNoCall() {
        ChatResult call =
                formatted("<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>");
        assertThat(call.toolCalls()).hasSize(1);
        assertThat(call.text()).isEmpty();
        assertThat(call.formatComplete()).isNull();

        ChatResult answer = formatted("{\"name\": \"weather\"}");
        assertThat(answer.toolCalls()).isEmpty();
        assertThat(answer.formatComplete()).isTrue();
    }

    @Test
    void withoutToolsNothingIsACall() {
        String answer = "<tool_call>{\"name\": \"weather\", \"arguments\": {}}</tool_call>";

        ChatResult result = answer(ScriptedChat.HERMES, false, answer, false);

        assertThat(result.toolCalls()).isEmpty();
        assertThat(result.text()).isEqualTo(answer);
        assertThat(answer(ScriptedChat.LLAMA, true, "{\"name\": \"weather\", \"parameters\": {}}", false)
                        .text())
                .isEqualTo("{\"name\": \"weather\", \"parameters\": {}}");
    }

    @Test
    void aMalformedCallIsTextWithItsMarksAndTellsWhy() {
        String answer = "Hm. <tool_call>{\"name\": weather}</tool_call>";

        ChatResult result = answer(ScriptedChat.HERMES, true, answer, true);

        assertThat(result.text()).isEqualTo(answer);
        assertThat(result.toolCalls()).isEmpty();
        assertThat(result.toolCallProblem()).isEqualTo("a tool call cannot be read: it is not valid JSON");
    }

    @Test
    void aCallCutByTheLimitIsText() {
        try (ScriptedChat scripted = new ScriptedChat(
                ScriptedChat.HERMES,
                true,
                prompt -> "<tool_call>{\"name\": \"weather\", \"arguments\": {}}</tool_call>")) {
            ChatRequest request = new ChatRequest(
                    List.of(user("?")), List.of(WEATHER), Map.of(), Sampling.GREEDY, 5, List.of(), null);

            ChatResult result = scripted.chat().generate(request);

            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(result.text()).startsWith("<tool_call>{\"");
            assertThat(result.toolCallProblem()).isNotNull();
        }
    }

    @Test
    void stopStringsCountInTextAlone() {
        ChatResult inArguments = answer(
                ScriptedChat.HERMES,
                true,
                "<tool_call>{\"name\": \"weather\", \"arguments\": {\"a\": \"STOP\"}}</tool_call> and STOP here",
                true,
                "STOP");

        assertThat(inArguments.toolCalls()).extracting(ToolCall::arguments).containsExactly("{\"a\": \"STOP\"}");
        assertThat(inArguments.text()).isEqualTo("and ");

        ChatResult before = answer(
                ScriptedChat.HERMES,
                true,
                "I STOP <tool_call>{\"name\": \"weather\"}</tool_call><tool_call>{</tool_call>",
                true,
                "STOP");

        assertThat(before.text()).isEqualTo("I ");
        assertThat(before.toolCalls()).isEmpty();
        assertThat(before.toolCallProblem()).isNull();
        assertThat(before.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void textIsToldBeforeTheCallAndTheCallBeforeTheEnd() throws InterruptedException {
        try (ScriptedChat scripted = new ScriptedChat(
                ScriptedChat.HERMES,
                true,
                prompt -> "One <tool_call>{\"name\": \"weather\"}</tool_call> two <tool_call>{\"name\": \"x\"}")) {
            List<String> events = new ArrayList<>();
            scripted.chat()
                    .submit(request(List.of(user("?")), true), new ChatListener() {
                        @Override
                        public void onText(String text) {
                            events.add(text);
                        }

                        @Override
                        public void onToolCall(ToolCall call) {
                            events.add(call.name() + call.arguments());
                        }

                        @Override
                        public void onFinished(ChatResult result) {
                            events.add("finished " + result.text());
                        }

                        @Override
                        public void onFailed(RuntimeException failure) {
                            events.add(failure.toString());
                        }
                    })
                    .join();

            assertThat(events.get(0)).isEqualTo("One");
            assertThat(events).contains("weather{}").endsWith("x{}", "finished One  two");
            assertThat(events.indexOf("weather{}")).isLessThan(events.indexOf("x{}"));
        }
    }

    @Test
    void definitionsStandInThePromptAndTheirTextIsNoControlToken() {
        try (ScriptedChat scripted = new ScriptedChat(ScriptedChat.HERMES, true, prompt -> "x")) {
            scripted.chat().generate(request(List.of(user("a </tool_call> b")), true));
            int[] prompt = scripted.engine().last().request().prompt();

            assertThat(scripted.text(prompt))
                    .contains(
                            "{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\": \"Weather of a <tool_call> city\"");
            // The template's own text has one of each; those of description and message are spelled.
            assertThat(prompt).containsOnlyOnce(8192).containsOnlyOnce(8193);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            quoteCharacter = '`',
            value = {
                "hermes#<tool_call>\\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\\n</tool_call>\\n<tool_call>\\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}\\n</tool_call><|im_end|>\\n<|im_start|>user\\n<tool_response>\\nsunny\\n</tool_response>\\n<tool_response>\\nrainy\\n</tool_response><|im_end|>\\n<|im_start|>assistant\\n",
                "llama#{\"name\": \"weather\", \"parameters\": {\"city\": \"Bern\"}}<|eot_id|><|start_header_id|>ipython<|end_header_id|>\\n\\n\"sunny\"<|eot_id|><|start_header_id|>assistant<|end_header_id|>\\n\\n{\"name\": \"weather\", \"parameters\": {\"city\": \"Rome\"}}<|eot_id|><|start_header_id|>ipython<|end_header_id|>\\n\\n\"rainy\"<|eot_id|>",
                "mistral-list#[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}, \"id\": \"abcdefghi\"}, {\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}, \"id\": \"",
                "mistral-named#[TOOL_CALLS]weather[ARGS]{\"city\": \"Bern\"}[TOOL_CALLS]weather[ARGS]{\"city\": \"Rome\"}</s>[TOOL_RESULTS]sunny[/TOOL_RESULTS][TOOL_RESULTS]rainy[/TOOL_RESULTS]"
            })
    void resultsOfCallsMadeTogetherAreRenderedBack(String template, String expected) {
        List<Map<String, Object>> messages = List.of(
                user("Weather in Bern and Rome?"),
                Map.of(
                        "role",
                        "assistant",
                        "content",
                        "",
                        "tool_calls",
                        List.of(call("abcdefghi", "Bern"), call("call_of_another_model", "Rome"))),
                Map.of("role", "tool", "name", "weather", "tool_call_id", "abcdefghi", "content", "sunny"),
                Map.of("role", "tool", "name", "weather", "tool_call_id", "call_of_another_model", "content", "rainy"));
        try (ScriptedChat scripted = new ScriptedChat(template, true, prompt -> "Done.")) {
            assertThat(scripted.chat().generate(request(messages, true)).text()).isEqualTo("Done.");
            // History may hold calls although the request has no tools any more.
            assertThat(scripted.chat().generate(request(messages, false)).text())
                    .isEqualTo("Done.");

            assertThat(scripted.prompts()).hasSize(2).allSatisfy(prompt -> assertThat(prompt)
                    .contains(expected.replace("\\n", "\n")));
        }
    }

    private static Map<String, Object> call(String id, String city) {
        return Map.of(
                "id",
                id,
                "type",
                "function",
                "function",
                ordered("name", "weather", "arguments", Map.of("city", city)));
    }

    @Test
    void aTemplateWithoutToolsIsNamed() {
        try (ScriptedChat scripted = new ScriptedChat(ScriptedChat.REASONING, true, prompt -> "x")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> scripted.chat().generate(request(List.of(user("?")), true)))
                    .withMessageContaining("the chat template of model 'scripted' takes none")
                    .withMessageContaining("'tools'");
            assertThat(scripted.prompts()).isEmpty();
        }
    }

    @Test
    void aFormThatIsNotKnownIsRefused() {
        try (Tokenizer tokenizer = TinyTokenizer.load();
                LocalChatEngine chat = new LocalChatEngine(
                        "odd",
                        new ScriptedEngine(TinyTokenizer.VOCABULARY, 200, Set.of(TinyTokenizer.END_OF_TURN)),
                        tokenizer,
                        ChatTemplate.parse("{{ tools }} <call>", Map.of()))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> chat.generate(request(List.of(user("?")), true)))
                    .withMessageContaining("the form in which model 'odd' writes calls is not known")
                    .withMessageContaining("[TOOL_CALLS]");
        }
    }

    @Test
    void aModelMayHaveATemplateForTools() {
        ScriptedEngine engine = new ScriptedEngine(TinyTokenizer.VOCABULARY, 200, Set.of(TinyTokenizer.END_OF_TURN));
        try (LocalChatEngine chat = new LocalChatEngine(
                "two",
                engine,
                TinyTokenizer.load(),
                ChatTemplate.parse("usual", Map.of()),
                ChatTemplate.parse("{{ tools | length }} <tool_call>", Map.of()))) {
            engine.answer(TinyTokenizer.END_OF_TURN).answer(TinyTokenizer.END_OF_TURN);

            chat.generate(request(List.of(user("?")), false));
            int[] usual = engine.last().request().prompt();
            chat.generate(request(List.of(user("?")), true));
            int[] forTools = engine.last().request().prompt();

            try (Tokenizer tokenizer = TinyTokenizer.load()) {
                assertThat(tokenizer.decode(usual)).isEqualTo("usual");
                assertThat(tokenizer.decode(forTools)).isEqualTo("1 <tool_call>");
            }
        }
    }
}
