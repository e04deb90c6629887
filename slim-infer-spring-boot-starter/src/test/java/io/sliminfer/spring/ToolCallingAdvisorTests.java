package io.sliminfer.spring;

import io.sliminfer.chat.ScriptedChat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.test.chat.client.advisor.AbstractToolCallingAdvisorIT;

/** Spring AI's own test of providers, with a model that asks for the weather of each city in the question and then tells it. */
@Timeout(60)
class ToolCallingAdvisorTests extends AbstractToolCallingAdvisorIT {

    private final ScriptedChat scripted = new ScriptedChat(ScriptedChat.LLAMA, true, ToolCallingAdvisorTests::answer);

    @Override
    protected ChatModel getChatModel() {
        return SlimInferChatModel.builder().engine(scripted.chat()).build();
    }

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
