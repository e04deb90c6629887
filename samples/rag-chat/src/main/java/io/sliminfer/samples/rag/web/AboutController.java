package io.sliminfer.samples.rag.web;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.samples.rag.RagProperties;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Says what answers, for the head of the page. */
@RestController
class AboutController {

    /**
     * @param model    the model as {@code slim-infer.model} names it, or null if another provider's answers
     * @param backend  what it runs on
     * @param schedule pruning layers and budgets, empty for dense prefill
     * @param topK     passages before the model
     * @param examples questions to begin with
     */
    record About(
            @Nullable String model,
            @Nullable String backend,
            @Nullable String schedule,
            int topK,
            List<String> examples) {}

    private final About about;

    AboutController(
            ObjectProvider<ChatEngine> engines, RagProperties properties, @Value("${slim-infer.model:}") String model) {
        ChatEngine chat = engines.getIfAvailable();
        this.about = new About(
                chat == null ? null : model.replaceAll("/+$", "").replaceAll(".*[/:\\\\]", ""),
                chat == null ? null : chat.engine().device().backend(),
                chat == null ? null : chat.engine().pruning().schedule().stepsText(),
                properties.topK(),
                properties.examples());
    }

    @GetMapping("/api/about")
    About about() {
        return about;
    }
}
