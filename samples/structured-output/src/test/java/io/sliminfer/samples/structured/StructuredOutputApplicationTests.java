package io.sliminfer.samples.structured;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.test.context.ConfigDataApplicationContextInitializer;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** On the bundled model, which was never trained on JSON: what it answers is an order all the same. */
@Timeout(120)
class StructuredOutputApplicationTests {

    @ParameterizedTest
    @ValueSource(strings = {StructuredOutputApplication.TEXT, "Good morning.", "{\"part\": 7}"})
    void anyTextBecomesAnOrder(String text) {
        new ApplicationContextRunner()
                .withInitializer(new ConfigDataApplicationContextInitializer())
                .withUserConfiguration(StructuredOutputApplication.class)
                .run(context -> {
                    Order order = StructuredOutputApplication.order(
                            context.getBean(ChatClient.Builder.class).build(), text);

                    assertThat(order.part()).hasSizeLessThanOrEqualTo(12);
                    assertThat(order.pieces()).isPositive();
                    assertThat(order.priority()).isNotNull();
                    assertThat(order.due()).isNotNull();
                });
    }
}
