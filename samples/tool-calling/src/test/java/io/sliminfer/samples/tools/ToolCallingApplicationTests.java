package io.sliminfer.samples.tools;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.chat.ScriptedChat;
import io.sliminfer.golden.TinyModel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** The application with a scripted model, because the bundled one cannot call tools, and with that one to see it refused. */
@Timeout(120)
class ToolCallingApplicationTests {

    private final ApplicationContextRunner application =
            new ApplicationContextRunner().withUserConfiguration(ToolCallingApplication.class);
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    private int ask(ApplicationContextRunner runner) {
        int[] status = new int[1];
        runner.run(context -> status[0] = ToolCallingApplication.answer(
                context.getBean(ChatClient.Builder.class).build(),
                ToolCallingApplication.QUESTION,
                new PrintStream(printed, true, StandardCharsets.UTF_8)));
        return status[0];
    }

    private int ask(Function<String, String> model) {
        try (ScriptedChat scripted = new ScriptedChat(ScriptedChat.HERMES, true, model)) {
            return ask(application.withBean(ChatEngine.class, scripted::chat));
        }
    }

    private static String call(String name, String arguments) {
        return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + arguments + "}\n</tool_call>";
    }

    private String output() {
        return printed.toString(StandardCharsets.UTF_8).replace("\r\n", "\n");
    }

    @Test
    void answersWithWhatTheMethodsReturn() {
        int status = ask(prompt -> {
            if (!prompt.contains("<tool_response>")) {
                return call("stock", "{\"part\": \"P-113\"}");
            }
            return prompt.contains("<tool_response>\n11\n</tool_response>")
                    ? "There were 14; three are reserved and 11 are left."
                    : call("reserve", "{\"part\": \"P-113\", \"pieces\": 3}");
        });

        assertThat(output())
                .isEqualTo(
                        "-> stock(P-113)\n-> reserve(P-113, 3)\nThere were 14; three are reserved and 11 are left.\n");
        assertThat(status).isZero();
    }

    @Test
    void theModelIsToldWhatCannotBeDone() {
        ask(prompt -> prompt.contains("40 pieces of P-113 cannot be reserved: 14 are in stock")
                ? "Only 14 are there."
                : call("reserve", "{\"part\": \"P-113\", \"pieces\": 40}"));

        assertThat(output()).endsWith("Only 14 are there.\n");
    }

    @Test
    void aToolThatIsNotThereEndsWithItsName() {
        assertThat(ask(prompt -> call("order", "{}"))).isEqualTo(1);
        assertThat(output()).contains("order");
    }

    @Test
    void theBundledModelIsRefusedWithTheReason() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");

        int status = ask(application.withPropertyValues("slim-infer.model=" + TinyModel.folder()));

        assertThat(status).isEqualTo(1);
        assertThat(output())
                .contains("the request has tools, but the chat template of model 'slim-infer-tiny' takes none")
                .contains("use a model that was trained to call tools");
    }
}
