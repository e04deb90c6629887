package io.sliminfer.chat;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.Sampling;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.DType;
import io.sliminfer.format.GgufExport;
import io.sliminfer.golden.TinyModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** From a GGUF file to an answer, with its own tokenizer and template. */
class GgufChatTests {

    private static final String TASK = "niah_number-1024-0";

    @TempDir
    private Path temp;

    private static ChatResult ask(Path model, TinyModel.Example example) {
        EngineSettings settings = new EngineSettings(
                "cpu",
                new BackendSettings(DType.F32, 0),
                PruneSettings.defaults(),
                0,
                KvSettings.defaults(),
                ServingSettings.of(1, 4),
                0);
        List<Map<String, Object>> messages = new ArrayList<>();
        example.messages()
                .forEach(message -> messages.add(Map.of("role", message.role(), "content", message.content())));
        try (ChatEngine engine = ChatEngines.open(model, settings)) {
            return engine.generate(
                    new ChatRequest(messages, List.of(), Map.of(), Sampling.GREEDY, 40, List.of(), null));
        }
    }

    @Test
    void answersAsTheFolderAndSaysWhatItDecodes() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
        TinyModel.Example example = TinyModel.examples().stream()
                .filter(other -> other.id().equals(TASK))
                .findFirst()
                .orElseThrow();
        Path file = GgufExport.write(TinyModel.folder(), "Q8_0", temp.resolve("Tiny-Q8_0.gguf"));
        ListAppender<ILoggingEvent> logged = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(LocalEngine.class);
        Level level = logger.getLevel();
        logger.setLevel(Level.INFO);
        logger.addAppender(logged);
        logged.start();
        ChatResult answer;
        try {
            answer = ask(file, example);
        } finally {
            logger.detachAppender(logged);
            logger.setLevel(level);
        }

        assertThat(answer.text()).contains(example.expected());
        ChatResult expected = ask(TinyModel.folder(), example);
        assertThat(answer.text()).isEqualTo(expected.text());
        assertThat(answer.report().promptTokens()).isEqualTo(expected.report().promptTokens());
        assertThat(logged.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .anyMatch(line -> line.startsWith("Tiny-Q8_0: llama with 12 layers, 26 M parameters in F32, on cpu")
                        && line.contains("MiB weights in int8 (re-quantised from Q8_0, error "));
    }
}
