package io.sliminfer.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.TestBackends;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.Sampling;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.DType;
import io.sliminfer.golden.FactDocument;
import io.sliminfer.golden.TinyModel;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A conversation about a document of which each turn keeps another part. */
@Timeout(120)
class PrefixConversationTests {

    private static final int BLOCK = 16;
    /** A fifth of the prompt stays: too little for what neither question asks about. */
    private static final PruneSchedule SCHEDULE =
            new PruneSchedule(BLOCK, 4, 32, BLOCK, PruneSchedule.parseSteps("4:0.2"));

    @BeforeAll
    static void needsTheModel() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
    }

    private static ChatEngine open(PrefixSettings prefixes) {
        return ChatEngines.open(
                TinyModel.folder(),
                new EngineSettings(
                        TestBackends.single("cpu"),
                        new BackendSettings(DType.F32, 0),
                        PruneSettings.of(SCHEDULE, 0),
                        0,
                        KvSettings.defaults().withPrefixes(prefixes),
                        ServingSettings.of(1, 4),
                        0));
    }

    private static ChatResult ask(ChatEngine engine, List<Map<String, Object>> messages) {
        return engine.generate(new ChatRequest(messages, List.of(), Map.of(), Sampling.GREEDY, 40, List.of(), null));
    }

    private static Map<String, Object> message(String role, String content) {
        return Map.of("role", role, "content", content);
    }

    /** Blocks that hold a piece of the document, give or take the few tokens of the template before it. */
    private static List<Integer> blocksOf(String document, String piece) {
        try (Tokenizer tokenizer = Tokenizer.load(TinyModel.folder().resolve("tokenizer.json"), 8192)) {
            int from =
                    tokenizer.encode(RenderedPrompt.untrusted(document.substring(0, document.indexOf(piece)))).length;
            int tokens = tokenizer.encode(RenderedPrompt.untrusted(piece)).length;
            List<Integer> blocks = new ArrayList<>();
            for (int block = from / BLOCK; block <= (from + tokens + 8) / BLOCK; block++) {
                blocks.add(block);
            }
            return blocks;
        }
    }

    private static List<Integer> lastKept(ChatResult result) {
        List<GenerationReport.Stage> stages = result.report().stages();
        return stages.get(stages.size() - 1).keptBlocks();
    }

    @Test
    void aSecondTurnAboutPrunedTextIsAnsweredAsWithoutTheCache() {
        String document = FactDocument.ofLength(1024);
        List<Integer> secondFact = blocksOf(document, FactDocument.SECOND_FACT);
        String firstQuestion = document + "\n\n" + FactDocument.FIRST_QUESTION;
        try (ChatEngine engine = open(PrefixSettings.defaults());
                ChatEngine fresh = open(PrefixSettings.off())) {
            List<Map<String, Object>> messages = new ArrayList<>(List.of(message("user", firstQuestion)));
            ChatResult first = ask(engine, messages);
            messages.add(message("assistant", first.text()));
            messages.add(message("user", FactDocument.SECOND_QUESTION));

            ChatResult second = ask(engine, messages);
            ChatResult alone = ask(fresh, messages);

            assertThat(first.text()).contains(FactDocument.FIRST_ANSWER);
            List<Integer> prunedBefore = new ArrayList<>(secondFact);
            prunedBefore.removeAll(lastKept(first));
            assertThat(prunedBefore)
                    .as("blocks of the fact that the first turn pruned")
                    .hasSizeGreaterThan(1);
            assertThat(second.text()).contains(FactDocument.SECOND_ANSWER).isEqualTo(alone.text());
            assertThat(second.report().stages()).isEqualTo(alone.report().stages());
            assertThat(lastKept(second)).as("kept for the second question").containsAnyElementsOf(prunedBefore);
            assertThat(second.report().cachedTokens())
                    .as("the first turn's full blocks")
                    .isEqualTo(first.report().promptTokens() / BLOCK * BLOCK);
            assertThat(alone.report().cachedTokens()).isZero();
        }
    }
}
