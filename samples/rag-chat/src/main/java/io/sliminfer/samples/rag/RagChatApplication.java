package io.sliminfer.samples.rag;

import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.NestedExceptionUtils;

/** Answers one question and exits, or serves the page; {@link CommandLine} says which. */
@SpringBootApplication
public class RagChatApplication {

    // On the command line the answer is the output: only warnings stand beside it. Spring's own warning of a failed
    // start goes too, since
    // the failure analysis below it says the same in words.
    private static final Map<String, Object> QUIET = Map.of(
            "logging.level.root", "warn",
            "logging.level.org.springframework.context", "error",
            "spring.main.banner-mode", "off",
            "spring.main.log-startup-info", "false");

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
            keepConnectionsReading();
            new SpringApplication(RagChatApplication.class).run(properties(commandLine));
        } else {
            System.exit(answer(commandLine, commandLine.question()));
        }
    }

    /**
     * Reactor Netty 1.3.7, which Spring Boot 4.1.1 has, stops reading a connection whose next request came right behind an answer
     * (<a href="https://github.com/reactor/reactor-netty/issues/4361">reactor-netty 4361</a>); with this it ends the answer before. To be
     * dropped with 1.3.8.
     */
    private static void keepConnectionsReading() {
        System.setProperty("reactor.netty.http.server.lastFlushWhenNoRead", "true");
    }

    /** Returns the exit status. */
    private static int answer(CommandLine commandLine, String question) {
        SpringApplication application = new SpringApplication(RagChatApplication.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.setDefaultProperties(QUIET);
        ConfigurableApplicationContext started;
        try {
            started = application.run(properties(commandLine));
        } catch (RuntimeException e) {
            return 1; // Spring Boot has said why and what to do
        }
        try (ConfigurableApplicationContext context = started) {
            Answer answer = context.getBean(DocumentAssistant.class)
                    .ask(question, commandLine.dense() ? Prefill.DENSE : Prefill.CONFIGURED);
            new AnswerPrinter(System.out).print(answer);
            return 0;
        } catch (RuntimeException e) {
            System.err.println(NestedExceptionUtils.getMostSpecificCause(e).getMessage());
            return 1;
        }
    }

    private static String[] properties(CommandLine commandLine) {
        return commandLine.properties().toArray(String[]::new);
    }
}
