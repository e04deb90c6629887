package io.sliminfer.spring;

import io.sliminfer.chat.ScriptedChat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.test.chat.client.advisor.AbstractToolCallingAdvisorAutoRegistrationIT;

/** Spring AI's own test of tools that a {@code ChatClient} runs by itself, with the model of {@link ToolCallingAdvisorTests}. */
@Timeout(60)
class ToolCallingAutoRegistrationTests extends AbstractToolCallingAdvisorAutoRegistrationIT {

    private final ScriptedChat scripted = new ScriptedChat(ScriptedChat.LLAMA, true, ToolCallingAdvisorTests::answer);

    @Override
    protected ChatModel getChatModel() {
        return SlimInferChatModel.builder().engine(scripted.chat()).build();
    }

    @AfterEach
    void close() {
        scripted.close();
    }
}
