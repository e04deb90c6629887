package io.sliminfer.samples.tools;

import java.io.PrintStream;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** Answers one question about the warehouse and exits. {@code --slim-infer.model} names a model that was trained to call tools. */
@SpringBootApplication
public class ToolCallingApplication {

    static final String QUESTION =
            "Is pump part P-113 in stock? If so, reserve three pieces and tell me how many are left.";

    public static void main(String[] arguments) {
        ConfigurableApplicationContext context;
        try {
            context = SpringApplication.run(ToolCallingApplication.class, arguments);
        } catch (RuntimeException e) {
            System.exit(1); // Spring Boot has said why and what to do
            return;
        }
        int status;
        try (context) {
            String asked =
                    String.join(" ", context.getBean(ApplicationArguments.class).getNonOptionArgs());
            status = answer(
                    context.getBean(ChatClient.Builder.class).build(), asked.isBlank() ? QUESTION : asked, System.out);
        }
        System.exit(status);
    }

    /** Prints the answer as it comes, between the calls that it needs, and returns the exit status. */
    static int answer(ChatClient client, String question, PrintStream out) {
        try {
            client.prompt(question).tools(new Warehouse(out)).stream()
                    .content()
                    .doOnNext(out::print)
                    .blockLast();
            out.println();
            return 0;
        } catch (IllegalArgumentException | IllegalStateException e) {
            // A model that cannot call tools is refused, with the reason; so is one that calls a tool which is not
            // there.
            out.println(e.getMessage());
            return 1;
        }
    }
}
