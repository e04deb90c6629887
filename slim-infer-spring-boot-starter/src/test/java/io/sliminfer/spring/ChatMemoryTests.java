package io.sliminfer.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.golden.FactDocument;
import io.sliminfer.golden.TinyModel;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.spring.autoconfigure.SlimInferAutoConfiguration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.client.advisor.MessageChatMemoryAdvisor;
import org.springframework.ai.chat.memory.ChatMemory;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.model.chat.client.autoconfigure.ChatClientAutoConfiguration;
import org.springframework.ai.model.chat.memory.autoconfigure.ChatMemoryAutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/**
 * A conversation about a document with Spring AI's chat memory, on the tiny model. {@code -Dconversation.tokens=4096} takes a longer
 * document and prints the times to first token.
 */
@Timeout(600)
class ChatMemoryTests {

    private static final @Nullable Integer MEASURED = Integer.getInteger("conversation.tokens");
    private static final int TOKENS = MEASURED == null ? 1024 : MEASURED;
    private static final String DENSE = "";

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    SlimInferAutoConfiguration.class,
                    ChatClientAutoConfiguration.class,
                    ChatMemoryAutoConfiguration.class))
            .withPropertyValues(
                    "slim-infer.model=" + TinyModel.folder(),
                    "slim-infer.pruning.min-prompt-tokens=1",
                    "slim-infer.chat.max-tokens=40");

    @BeforeAll
    static void needsTheModel() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
    }

    @ParameterizedTest
    @ValueSource(strings = {DENSE, "4:0.1875"})
    void theSecondTurnFindsTheFirstInThePrefixCache(String schedule) {
        application
                .withPropertyValues("slim-infer.pruning.schedule=" + schedule)
                .run(context -> {
                    ChatClient client = context.getBean(ChatClient.Builder.class)
                            .defaultAdvisors(MessageChatMemoryAdvisor.builder(context.getBean(ChatMemory.class))
                                    .build())
                            .build();
                    String document = FactDocument.ofLength(TOKENS);
                    converse(client, "warm-up", "Another conversation.\n\n" + document);

                    List<ChatResponse> turns = converse(client, "measured", document);

                    ChatResponseMetadata first = turns.get(0).getMetadata();
                    ChatResponseMetadata second = turns.get(1).getMetadata();
                    if (MEASURED != null) {
                        System.out.printf(
                                "%s: %d tokens, TTFT %.0f ms; turn two %d tokens, %d of them cached, TTFT %.0f ms%n",
                                schedule.equals(DENSE) ? "dense" : schedule,
                                first.getUsage().getPromptTokens(),
                                first.<Double>get(SlimInferMetadata.TTFT_MS),
                                second.getUsage().getPromptTokens(),
                                second.<Integer>get(SlimInferMetadata.CACHED_TOKENS),
                                second.<Double>get(SlimInferMetadata.TTFT_MS));
                    }
                    assertThat(text(turns.get(0))).contains(FactDocument.FIRST_ANSWER);
                    assertThat(text(turns.get(1))).contains(FactDocument.SECOND_ANSWER);
                    int prompt = first.getUsage().getPromptTokens();
                    assertThat(first.<Integer>get(SlimInferMetadata.CACHED_TOKENS))
                            .isZero();
                    assertThat(second.<Integer>get(SlimInferMetadata.CACHED_TOKENS))
                            .isBetween(prompt - 2 * PruneSchedule.BLOCK_DEFAULT, prompt);
                    assertThat(second.getUsage().getCacheReadInputTokens())
                            .isEqualTo((long) second.<Integer>get(SlimInferMetadata.CACHED_TOKENS));
                    assertThat(second.getUsage().getPromptTokens()).isGreaterThan(prompt);
                    assertThat(turns)
                            .allSatisfy(turn -> assertThat(turn.getMetadata().<Double>get(SlimInferMetadata.TTFT_MS))
                                    .isPositive());
                });
    }

    private static List<ChatResponse> converse(ChatClient client, String conversation, String document) {
        List<ChatResponse> turns = new ArrayList<>();
        for (String question : List.of(document + "\n\n" + FactDocument.FIRST_QUESTION, FactDocument.SECOND_QUESTION)) {
            turns.add(Objects.requireNonNull(client.prompt(question)
                    .advisors(advisor -> advisor.param(ChatMemory.CONVERSATION_ID, conversation))
                    .call()
                    .chatResponse()));
        }
        return turns;
    }

    private static String text(ChatResponse response) {
        return Objects.requireNonNull(response.getResult()).getOutput().getText();
    }
}
