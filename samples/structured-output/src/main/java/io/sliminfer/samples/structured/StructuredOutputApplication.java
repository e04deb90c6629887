package io.sliminfer.samples.structured;

import java.util.Objects;
import org.springframework.ai.chat.client.AdvisorParams;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** Makes an {@link Order} of a text and exits. */
@SpringBootApplication
public class StructuredOutputApplication {

    static final String TEXT =
            "Please send us 12 pieces of P-113 by 4 December 2026. It is urgent, the pump house stands still.";

    public static void main(String[] arguments) {
        ConfigurableApplicationContext context;
        try {
            context = SpringApplication.run(StructuredOutputApplication.class, arguments);
        } catch (RuntimeException e) {
            System.exit(1); // Spring Boot has said why and what to do
            return;
        }
        try (context) {
            String given =
                    String.join(" ", context.getBean(ApplicationArguments.class).getNonOptionArgs());
            ChatClient client = context.getBean(ChatClient.Builder.class).build();
            System.out.println(order(client, given.isBlank() ? TEXT : given));
        }
    }

    /** The order that a text speaks of. Whatever the model makes of the text, its answer is an order. */
    static Order order(ChatClient client, String text) {
        return Objects.requireNonNull(client.prompt(text + "\n\nWhat is ordered?")
                .advisors(AdvisorParams.ENABLE_NATIVE_STRUCTURED_OUTPUT)
                .call()
                .entity(Order.class));
    }
}
