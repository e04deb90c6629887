package io.sliminfer.samples.rag;

import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** Answers one question and exits, or serves the page; {@link CommandLine} says which. */
@SpringBootApplication
public class RagChatApplication {

    // On the command line the answer is the output: only warnings stand beside it.
    private static final Map<String, Object> QUIET = Map.of(
            "logging.level.root", "warn", "spring.main.banner-mode", "off", "spring.main.log-startup-info", "false");

    public static void main(String[] arguments) {
        CommandLine commandLine;
        try {
            commandLine = CommandLine.parse(arguments);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.println();
            System.err.print(CommandLine.USAGE);
            System.exit(2);
            return;
        }
        if (commandLine.help()) {
            System.out.print(CommandLine.USAGE);
        } else if (commandLine.question() == null) {
            new SpringApplication(RagChatApplication.class).run(properties(commandLine));
        } else {
            System.exit(answer(commandLine, commandLine.question()));
        }
    }

    /** Returns the exit status. */
    private static int answer(CommandLine commandLine, String question) {
        SpringApplication application = new SpringApplication(RagChatApplication.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.setDefaultProperties(QUIET);
        try (ConfigurableApplicationContext context = application.run(properties(commandLine))) {
            Answer answer = context.getBean(DocumentAssistant.class).ask(question, commandLine.dense());
            new AnswerPrinter(System.out).print(answer);
            return 0;
        } catch (RuntimeException e) {
            // What stops the start has been reported by Spring Boot; what the model refuses says what to do.
            System.err.println(e.getMessage());
            return 1;
        }
    }

    private static String[] properties(CommandLine commandLine) {
        return commandLine.properties().toArray(String[]::new);
    }
}
