package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.chat.ScriptedChat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.ai.chat.client.AdvisorParams;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.test.chat.client.advisor.AbstractToolCallingAdvisorIT;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.function.FunctionToolCallback;

/** Spring AI's own test of providers, with a model that asks for the weather of each city in the question and then tells it. */
@Timeout(60)
class ToolCallingAdvisorTests extends AbstractToolCallingAdvisorIT {

    private final ScriptedChat scripted = new ScriptedChat(ScriptedChat.LLAMA, true, ToolCallingAdvisorTests::answer);

    @Override
    protected ChatModel getChatModel() {
        return SlimInferChatModel.builder().engine(scripted.chat()).build();
    }

    record Weather(String city, int degrees) {}

    @Test
    void anEntityMayNeedATool() {
        try (ScriptedChat thermometer = new ScriptedChat(
                ScriptedChat.HERMES,
                true,
                prompt -> prompt.contains("21 degrees")
                        ? "{\"city\": \"Bern\", \"degrees\": 21}"
                        : "<tool_call>\n{\"name\": \"degrees\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>")) {
            ToolCallback tool = FunctionToolCallback.builder("degrees", (City city) -> "21 degrees in " + city.city())
                    .description("Temperature in a city")
                    .inputType(City.class)
                    .build();
            Weather weather = ChatClient.builder(SlimInferChatModel.builder()
                            .engine(thermometer.chat())
                            .build())
                    .defaultAdvisors(AdvisorParams.ENABLE_NATIVE_STRUCTURED_OUTPUT)
                    .build()
                    .prompt()
                    .user("How warm is it in Bern?")
                    .tools(tool)
                    .call()
                    .entity(Weather.class);
            assertThat(weather).isEqualTo(new Weather("Bern", 21));
        }
    }

    record City(String city) {}

    static String answer(String prompt) {
        String question = prompt.substring(prompt.lastIndexOf("What's"));
        List<String> cities = List.of("San Francisco", "Tokyo", "Paris").stream()
                .filter(question::contains)
                .toList();
        if (!question.contains("ipython")) {
            return String.join(
                    "; ",
                    cities.stream()
                            .map(city -> "{\"name\": \"getCurrentWeather\", \"parameters\": {\"location\": \"" + city
                                    + "\", \"lat\": 0, \"lon\": 0, \"unit\": \"C\"}}")
                            .toList());
        }
        return ScriptedChat.SPELLED + "The service says: " + question.substring(question.indexOf("ipython"));
    }

    @AfterEach
    void close() {
        scripted.close();
    }
}
