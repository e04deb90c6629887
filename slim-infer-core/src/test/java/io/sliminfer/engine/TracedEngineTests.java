package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.DeviceClock.Queue;
import io.sliminfer.backend.trace.Span;
import io.sliminfer.backend.trace.SpanListener;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.SmallModels;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TracedEngineTests {

    private static final int PROMPT = 200;

    @TempDir
    Path parent;

    private static final class RecordedSpans implements SpanListener {
        private final List<Span> spans = new ArrayList<>();
        private volatile boolean listening;

        @Override
        public boolean isListening() {
            return listening;
        }

        @Override
        public void onSpan(Span span) {
            spans.add(span);
        }
    }

    private static EngineSettings settings() {
        return new EngineSettings(
                "java",
                new BackendSettings(null, 1),
                PruneSettings.of(PruneSchedule.dense(), 0),
                PROMPT,
                KvSettings.defaults().withPrefixes(PrefixSettings.off()),
                ServingSettings.of(1, 1),
                32);
    }

    private static GenerationRequest request(ModelFolder folder) {
        return TestEngine.greedy(SmallModels.prompt(1, PROMPT, folder.config().vocabulary()), 4);
    }

    @Test
    void timesTheOperationsOfAPrefillAndChangesNoAnswer() {
        try (ModelFolder folder = ModelFolder.open(SmallModels.llama().write(parent.resolve("llama")))) {
            RecordedGeneration untraced = new RecordedGeneration();
            try (LocalEngine engine = LocalEngine.open(folder, settings())) {
                engine.submit(request(folder), untraced);
                assertThat(untraced.failure()).isNull();
            }
            RecordedSpans trace = new RecordedSpans();
            RecordedGeneration traced = new RecordedGeneration() {
                @Override
                public synchronized void onToken(int id) {
                    trace.listening = false;
                    super.onToken(id);
                }
            };
            try (LocalEngine engine = LocalEngine.open(folder, settings(), trace)) {
                trace.listening = true;
                engine.submit(request(folder), traced);
                assertThat(traced.failure()).isNull();
            }

            assertThat(traced.tokens()).isEqualTo(untraced.tokens());
            assertThat(trace.spans).allMatch(span -> span.queue() == Queue.COMPUTE && span.micros() >= 0);
            assertThat(trace.spans).isSortedAccordingTo(Comparator.comparingDouble(Span::startMicros));
            ModelConfig model = folder.config();
            assertThat(trace.spans.stream()
                            .filter(span -> span.operation().equals("ropeAndStore"))
                            .mapToLong(Span::rows)
                            .sum())
                    .isEqualTo((long) model.layers() * PROMPT);
            assertThat(trace.spans.stream().mapToDouble(Span::flops).sum())
                    .as("what the model counts for the whole prefill")
                    .isCloseTo(
                            FlopCount.prefill(model, PrunePlan.of(PruneSchedule.dense(), PROMPT, model.layers())),
                            Percentage.withPercentage(1e-6));
        }
    }
}
