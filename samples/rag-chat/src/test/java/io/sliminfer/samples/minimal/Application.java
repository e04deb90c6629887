package io.sliminfer.samples.minimal;

import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

@SpringBootApplication
class Application {

    public static void main(String[] arguments) {
        SpringApplication.run(Application.class, arguments);
    }

    @Bean
    CommandLineRunner ask(ChatClient.Builder chat) {
        return arguments -> System.out.println(chat.build()
                .prompt("The supplier of pump P-113 is Halden Works. What is the supplier of pump P-113?")
                .call()
                .content());
    }
}
