package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.micrometer.observation.tck.TestObservationRegistry;
import io.micrometer.observation.tck.TestObservationRegistryAssert;
import io.sliminfer.chat.ScriptedChat;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.client.advisor.MessageChatMemoryAdvisor;
import org.springframework.ai.chat.memory.ChatMemory;
import org.springframework.ai.chat.memory.MessageWindowChatMemory;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.observation.ChatModelObservationDocumentation.HighCardinalityKeyNames;
import org.springframework.ai.chat.observation.DefaultChatModelObservationConvention;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.support.ToolCallbacks;
import org.springframework.ai.tool.annotation.Tool;
import org.springframework.ai.tool.annotation.ToolParam;

/** The whole way from {@code @Tool} methods to the template's prompt and back, on scripted answers. */
@Timeout(60)
class ToolCallingTests {

    private static final Prompt QUESTION = new Prompt(
            "Weather in Bern?",
            SlimInferChatOptions.builder()
                    .toolCallbacks(ToolCallbacks.from(new Tools()))
                    .build());

    private ScriptedChat scripted;

    /** What an application offers. */
    static final class Tools {

        final List<String> cities = new ArrayList<>();

        @Tool(description = "Temperature of a city in degrees Celsius")
        int temperature(@ToolParam(description = "name of the city") String city) {
            cities.add(city);
            return city.length();
        }

        @Tool(description = "Always fails")
        String broken() {
            throw new IllegalStateException("the station is closed");
        }

        @Tool(description = "Goes to the user as it is", returnDirect = true)
        String direct() {
            return "as it is";
        }
    }

    @AfterEach
    void close() {
        scripted.close();
    }

    private SlimInferChatModel model(String template, Function<String, String> answers) {
        scripted = new ScriptedChat(template, true, answers);
        return SlimInferChatModel.builder().engine(scripted.chat()).build();
    }

    private static String call(String name, String arguments) {
        return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + arguments + "}\n</tool_call>";
    }

    private static int results(String prompt) {
        return prompt.split("<tool_response>", -1).length - 1;
    }

    @Test
    void callGivesToolCalls() {
        ChatResponse response = model(
                        ScriptedChat.HERMES,
                        prompt -> "I look.\n" + call("temperature", "{\"city\": \"Bern\"}") + call("broken", "{}"))
                .call(QUESTION);

        AssistantMessage message = response.getResult().getOutput();
        assertThat(message.getText()).isEqualTo("I look.");
        assertThat(message.getToolCalls())
                .extracting(AssistantMessage.ToolCall::name, AssistantMessage.ToolCall::arguments)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("temperature", "{\"city\": \"Bern\"}"),
                        org.assertj.core.groups.Tuple.tuple("broken", "{}"));
        assertThat(message.getToolCalls()).allSatisfy(call -> {
            assertThat(call.type()).isEqualTo("function");
            assertThat(call.id()).isNotBlank();
        });
        assertThat(response.getResult().getMetadata().getFinishReason()).isEqualTo("TOOL_CALLS");
        assertThat(response.hasToolCalls()).isTrue();
    }

    @Test
    void streamGivesEachCallInAChunkOfItsOwn() {
        List<ChatResponse> chunks = model(
                        ScriptedChat.HERMES,
                        prompt -> "I look.\n" + call("temperature", "{\"city\": \"Bern\"}") + call("broken", "{}"))
                .stream(QUESTION)
                .collectList()
                .block();

        assertThat(chunks.stream()
                        .map(chunk -> chunk.getResult().getOutput().getText())
                        .reduce("", String::concat))
                .isEqualTo("I look.");
        List<ChatResponse> calls =
                chunks.stream().filter(ChatResponse::hasToolCalls).toList();
        assertThat(calls).hasSize(2).allSatisfy(chunk -> {
            assertThat(chunk.getResult().getOutput().getToolCalls()).hasSize(1);
            assertThat(chunk.getResult().getOutput().getText()).isEmpty();
        });
        ChatResponse last = chunks.get(chunks.size() - 1);
        assertThat(last.hasToolCalls()).isFalse();
        assertThat(last.getResult().getMetadata().getFinishReason()).isEqualTo("TOOL_CALLS");
    }

    @Test
    void aMalformedCallIsTextAndTheFinishReasonSaysSo() {
        String answer = "<tool_call>{\"name\": temperature}</tool_call>";
        ChatResponse response = model(ScriptedChat.HERMES, prompt -> answer).call(QUESTION);

        assertThat(response.getResult().getOutput().getText()).isEqualTo(answer);
        assertThat(response.hasToolCalls()).isFalse();
        assertThat(response.getResult().getMetadata().getFinishReason()).isEqualTo("MALFORMED_TOOL_CALL");
        assertThat(response.getResult().getMetadata().<String>get(SlimInferMetadata.TOOL_CALL_PROBLEM))
                .isEqualTo("a tool call cannot be read: it is not valid JSON");
    }

    @Test
    void aCutCallNamesTheLimit() {
        SlimInferChatOptions options = ((SlimInferChatOptions) QUESTION.getOptions())
                .mutate()
                .maxTokens(4)
                .build();
        ChatResponse response = model(ScriptedChat.HERMES, prompt -> call("temperature", "{\"city\": \"Bern\"}"))
                .call(new Prompt("?", options));

        assertThat(response.getResult().getMetadata().getFinishReason()).isEqualTo("MALFORMED_TOOL_CALL");
        assertThat(response.getResult().getMetadata().<String>get(SlimInferMetadata.TOOL_CALL_PROBLEM))
                .contains("max-tokens");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theClientCallsMethodsOverSeveralRounds(boolean streaming) {
        Tools tools = new Tools();
        SlimInferChatModel model = model(ScriptedChat.HERMES, prompt -> switch (results(prompt)) {
            case 0 -> "First.\n" + call("temperature", "{\"city\": \"Bern\"}");
            case 1 -> call("temperature", "{\"city\": \"Geneva\"}") + call("temperature", "{\"city\": \"Zug\"}");
            default -> "Bern 4, Geneva 6, Zug 3.";
        });

        String answer = ask(model, streaming, tools);

        assertThat(answer).endsWith("Bern 4, Geneva 6, Zug 3.");
        assertThat(tools.cities).containsExactly("Bern", "Geneva", "Zug");
        assertThat(scripted.prompts()).hasSize(3);
        assertThat(scripted.prompts().get(0))
                .contains("\"name\": \"temperature\", \"description\": \"Temperature of a city in degrees Celsius\"")
                .contains("name of the city");
        assertThat(scripted.prompts().get(1))
                .contains(
                        "First.\n<tool_call>\n{\"name\": \"temperature\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call><|im_end|>")
                .contains("<tool_response>\n4\n</tool_response>");
        assertThat(scripted.prompts().get(2))
                .contains("<tool_response>\n6\n</tool_response>\n<tool_response>\n3\n</tool_response>");
    }

    private static String ask(SlimInferChatModel model, boolean streaming, Object tools) {
        ChatClient.ChatClientRequestSpec request =
                ChatClient.create(model).prompt("Weather?").tools(tools);
        return streaming
                ? String.join("", request.stream().content().collectList().block())
                : request.call().content();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatAToolThrowsIsToldToTheModel(boolean streaming) {
        SlimInferChatModel model =
                model(ScriptedChat.HERMES, prompt -> results(prompt) == 0 ? call("broken", "{}") : "It is closed.");

        assertThat(ask(model, streaming, new Tools())).isEqualTo("It is closed.");
        assertThat(scripted.prompts().get(1)).contains("<tool_response>\nthe station is closed\n</tool_response>");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anUnknownToolIsTheClientsError(boolean streaming) {
        SlimInferChatModel model = model(ScriptedChat.HERMES, prompt -> call("invented", "{}"));

        assertThatIllegalStateException()
                .isThrownBy(() -> ask(model, streaming, new Tools()))
                .withMessageContaining("invented");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDirectResultGoesToTheUser(boolean streaming) {
        SlimInferChatModel model = model(ScriptedChat.HERMES, prompt -> call("direct", "{}"));

        assertThat(ask(model, streaming, new Tools())).isEqualTo("\"as it is\"");
        assertThat(scripted.prompts()).hasSize(1);
    }

    @Test
    void memoryKeepsTheConversationAround() {
        ChatMemory memory = MessageWindowChatMemory.builder().build();
        SlimInferChatModel model = model(
                ScriptedChat.HERMES,
                prompt -> prompt.contains("And now?")
                        ? "Still 4."
                        : results(prompt) == 0 ? call("temperature", "{\"city\": \"Bern\"}") : "4 degrees.");
        ChatClient client = ChatClient.builder(model)
                .defaultAdvisors(MessageChatMemoryAdvisor.builder(memory).build())
                .defaultTools(new Tools())
                .build();

        for (String question : List.of("Weather in Bern?", "And now?")) {
            client.prompt(question)
                    .advisors(advisor -> advisor.param(ChatMemory.CONVERSATION_ID, "c1"))
                    .call()
                    .content();
        }

        assertThat(scripted.prompts().get(2))
                .contains("Weather in Bern?")
                .contains("4 degrees.")
                .contains("And now?");
    }

    @Test
    void toolsOfAModelThatTakesNoneAreRefused() {
        SlimInferChatModel model = model(ScriptedChat.REASONING, prompt -> "x");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> model.call(QUESTION))
                .withMessageContaining("takes none");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> model.stream(QUESTION).blockLast());
    }

    @Test
    void theObservationTellsTheCall() {
        TestObservationRegistry registry = TestObservationRegistry.create();
        scripted = new ScriptedChat(ScriptedChat.HERMES, true, prompt -> call("temperature", "{\"city\": \"Bern\"}"));
        SlimInferChatModel model = SlimInferChatModel.builder()
                .engine(scripted.chat())
                .observationRegistry(registry)
                .build();

        model.call(QUESTION);

        TestObservationRegistryAssert.assertThat(registry)
                .hasObservationWithNameEqualTo(DefaultChatModelObservationConvention.DEFAULT_NAME)
                .that()
                .hasHighCardinalityKeyValue(
                        HighCardinalityKeyNames.RESPONSE_FINISH_REASONS.asString(), "[\"TOOL_CALLS\"]")
                .hasHighCardinalityKeyValue(
                        HighCardinalityKeyNames.REQUEST_TOOL_NAMES.asString(),
                        "[\"broken\", \"direct\", \"temperature\"]");
    }
}
