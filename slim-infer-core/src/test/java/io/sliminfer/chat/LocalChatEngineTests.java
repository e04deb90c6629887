package io.sliminfer.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.Sampling;
import io.sliminfer.format.ModelFormatException;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.text.ChatTemplate;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.TinyTokenizer;
import io.sliminfer.text.Tokenizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class LocalChatEngineTests {

    private static final int MAX_POSITIONS = 200;

    private final Tokenizer tokenizer = TinyTokenizer.load();
    private final ScriptedEngine engine =
            new ScriptedEngine(TinyTokenizer.VOCABULARY, MAX_POSITIONS, Set.of(TinyTokenizer.END_OF_TURN));
    private final LocalChatEngine chat = new LocalChatEngine("tiny", engine, tokenizer, TinyTokenizer.template());

    @AfterEach
    void close() {
        chat.close();
    }

    private static ChatRequest request(int maxTokens, String... stop) {
        return new ChatRequest(
                List.of(Map.of("role", "user", "content", "Where is pump P-113?")),
                List.of(),
                Map.of(),
                Sampling.GREEDY,
                maxTokens,
                List.of(stop),
                null);
    }

    private int[] ids(String text) {
        return tokenizer.encode(RenderedPrompt.untrusted(text));
    }

    /** Events in the order told, as text. */
    private static class Recording implements ChatListener {
        final BlockingQueue<String> events = new LinkedBlockingQueue<>();
        final AtomicReference<Thread> thread = new AtomicReference<>();

        @Override
        public void onText(String text) {
            thread.set(Thread.currentThread());
            events.add(text);
        }

        @Override
        public void onFinished(ChatResult result) {
            events.add("finished " + result.finishReason() + " " + result.text());
        }

        @Override
        public void onFailed(RuntimeException failure) {
            events.add("failed " + failure.getMessage());
        }

        String next() throws InterruptedException {
            String event = events.poll(10, TimeUnit.SECONDS);
            assertThat(event).as("an event within 10 s").isNotNull();
            return event;
        }
    }

    @Test
    void answersWithTextAndReport() {
        engine.answer(concat(ids("in the Lisbon office"), TinyTokenizer.END_OF_TURN));

        ChatResult result = chat.generate(request(0));

        assertThat(result.text()).isEqualTo("in the Lisbon office");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.report().promptTokens())
                .isEqualTo(engine.last().request().prompt().length);
    }

    @Test
    void passesThePromptAndItsLimitsToTheEngine() {
        engine.answer(TinyTokenizer.END_OF_TURN);
        engine.answer(TinyTokenizer.END_OF_TURN);

        chat.generate(request(0));
        int[] prompt = engine.last().request().prompt();
        assertThat(prompt).startsWith(0, 2).contains(TinyTokenizer.END_OF_TURN);
        assertThat(engine.last().request().maxTokens()).isEqualTo(MAX_POSITIONS - prompt.length);
        assertThat(engine.last().request().stopIds()).containsExactly(TinyTokenizer.END_OF_TURN);

        chat.generate(request(7));
        assertThat(engine.last().request().maxTokens()).isEqualTo(7);
    }

    @Test
    void tellsThePromptBeforeAnythingElse() {
        engine.answer(TinyTokenizer.END_OF_TURN);
        AtomicReference<ChatPrompt> told = new AtomicReference<>();

        chat.submit(request(0), new Recording() {
                    @Override
                    public void onPrompt(ChatPrompt prompt) {
                        assertThat(events).isEmpty();
                        told.set(prompt);
                    }
                })
                .join();

        int[] ids = engine.last().request().prompt();
        List<PromptBlock> blocks = told.get().blocks();
        assertThat(told.get().tokens()).isEqualTo(ids.length);
        assertThat(blocks.stream().mapToInt(PromptBlock::tokens).sum()).isEqualTo(ids.length);
        assertThat(blocks.stream().map(PromptBlock::text).reduce("", String::concat))
                .contains("Where is pump P-113?")
                .startsWith(tokenizer.token(ids[0]).orElseThrow());
    }

    @Test
    void blocksOfAPromptFollowTheRequestsSchedule() {
        engine.answer(TinyTokenizer.END_OF_TURN);
        List<PromptBlock> blocks = new ArrayList<>();
        ChatRequest plain = request(0);
        ChatRequest request = new ChatRequest(
                plain.messages(),
                plain.tools(),
                plain.arguments(),
                plain.sampling(),
                0,
                List.of(),
                new PruneSchedule(4, 2, 5, 3, List.of()),
                false,
                plain.thinking(),
                Duration.ofMinutes(1));

        chat.submit(request, new Recording() {
                    @Override
                    public void onPrompt(ChatPrompt prompt) {
                        blocks.addAll(prompt.blocks());
                    }
                })
                .join();

        int tokens = engine.last().request().prompt().length;
        assertThat(engine.last().request().prefixReuse()).isFalse();
        assertThat(engine.last().request().timeout()).isEqualTo(Duration.ofMinutes(1));
        assertThat(blocks).hasSize((tokens + 3) / 4);
        for (int index = 0; index < blocks.size(); index++) {
            PromptBlock block = blocks.get(index);
            assertThat(block.firstToken()).isEqualTo(4 * index);
            assertThat(block.tokens()).isEqualTo(Math.min(4, tokens - 4 * index));
            boolean window = block.firstToken() + block.tokens() > tokens - 5;
            assertThat(block.role())
                    .isEqualTo(
                            window
                                    ? PromptBlock.Role.WINDOW
                                    : index == 0 ? PromptBlock.Role.SINK : PromptBlock.Role.CANDIDATE);
        }
    }

    @Test
    void aListenerThatFailsOnThePromptIsItsCallersToKnow() {
        ChatListener failing = new Recording() {
            @Override
            public void onPrompt(ChatPrompt prompt) {
                throw new IllegalStateException("not this one");
            }
        };

        assertThatThrownBy(() -> chat.submit(request(0), failing)).hasMessage("not this one");
    }

    @Test
    void streamsInOrderOnAThreadOfItsOwn() throws InterruptedException {
        Recording listener = new Recording();
        ChatGeneration generation = chat.submit(request(0), listener);
        StringBuilder text = new StringBuilder();
        for (int id : ids("Maria Lopez 🦙")) {
            engine.last().token(id);
        }
        engine.last().finish(FinishReason.LENGTH);

        ChatResult result = generation.join();
        String event = listener.next();
        while (!event.startsWith("finished")) {
            text.append(event);
            event = listener.next();
        }

        assertThat(text).hasToString("Maria Lopez 🦙");
        assertThat(event).isEqualTo("finished LENGTH Maria Lopez 🦙");
        assertThat(result.text()).isEqualTo("Maria Lopez 🦙");
        assertThat(listener.thread.get().getName()).startsWith("slim-infer-chat-");
        assertThat(listener.thread.get().isDaemon()).isTrue();
        assertThat(listener.events).isEmpty();
    }

    @Test
    void aStopStringCancelsTheWorkAndIsNotShown() throws InterruptedException {
        Recording listener = new Recording();
        ChatGeneration generation = chat.submit(request(0, "STOP", "never"), listener);
        for (int id : ids("some text STOP and more")) {
            engine.last().token(id);
        }

        assertThat(engine.last().awaitCancel()).isTrue();
        ChatResult result = generation.join();
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.text()).isEqualTo("some text ");
    }

    @Test
    void textThatOnlyLooksLikeAStopStringIsShownAtTheEnd() {
        engine.answer(concat(ids("almost ST"), TinyTokenizer.END_OF_TURN));

        assertThat(chat.generate(request(0, "STOP")).text()).isEqualTo("almost ST");
    }

    @Test
    void cancellingGivesTheTextSoFar() throws InterruptedException {
        Recording listener = new Recording();
        ChatGeneration generation = chat.submit(request(0), listener);
        engine.last().token(ids("the")[0]);
        String first = listener.next();

        generation.cancel();
        generation.cancel();

        assertThat(generation.join().finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(generation.join().text()).isEqualTo(first);
        assertThat(listener.next()).isEqualTo("finished CANCELLED " + first);
    }

    @Test
    void anInterruptedWaitCancelsTheWork() throws InterruptedException {
        ChatGeneration generation = chat.submit(request(0), new Recording());
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicReference<Boolean> interrupted = new AtomicReference<>();
        Thread waiting = new Thread(() -> {
            try {
                generation.join();
            } catch (RuntimeException e) {
                thrown.set(e);
                interrupted.set(Thread.currentThread().isInterrupted());
            }
        });
        waiting.start();

        waiting.interrupt();
        waiting.join();

        assertThat(thrown.get()).isInstanceOf(CancellationException.class);
        assertThat(interrupted.get()).isTrue();
        assertThat(engine.last().awaitCancel()).isTrue();
        assertThat(generation.join().finishReason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void aSlowListenerHoldsUpOnlyItself() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        Recording slow = new Recording() {
            @Override
            public void onText(String text) {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                super.onText(text);
            }
        };
        ChatGeneration first = chat.submit(request(0), slow);
        engine.last().token(ids("a")[0]);

        engine.answer(concat(ids("b"), TinyTokenizer.END_OF_TURN));
        assertThat(chat.generate(request(0)).text()).isEqualTo("b");

        engine.generations().get(0).token(ids("c")[0]);
        engine.generations().get(0).finish(FinishReason.LENGTH);
        release.countDown();
        assertThat(first.join().text()).isEqualTo("ac");
    }

    @Test
    void aFailureReachesListenerAndWaiter() throws InterruptedException {
        Recording listener = new Recording();
        ChatGeneration generation = chat.submit(request(0), listener);
        EngineException failure = new EngineException(EngineException.Kind.INVALID_LOGITS, "logits are not numbers");
        engine.last().fail(failure);

        assertThatThrownBy(generation::join).isSameAs(failure);
        assertThat(listener.next()).isEqualTo("failed logits are not numbers");
    }

    @Test
    void aListenerThatThrowsEndsItsGeneration() throws InterruptedException {
        Recording listener = new Recording() {
            @Override
            public void onText(String text) {
                throw new IllegalStateException("listener broke");
            }
        };
        ChatGeneration generation = chat.submit(request(0), listener);
        engine.last().token(ids("a")[0]);

        assertThat(engine.last().awaitCancel()).isTrue();
        assertThatThrownBy(generation::join)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("listener broke");
        assertThat(listener.next()).isEqualTo("failed listener broke");
    }

    @Test
    void closingFailsWhatRuns() {
        ChatGeneration generation = chat.submit(request(0), new Recording());

        chat.close();

        assertThatThrownBy(generation::join).isInstanceOf(EngineException.class).hasMessage("the engine was closed");
        assertThatThrownBy(() -> chat.submit(request(0), new Recording())).isInstanceOf(RuntimeException.class);
    }

    @Test
    void aRefusalOfTheTemplateIsToldWithItsWords() {
        ChatTemplate strict = ChatTemplate.parse(
                "{% for m in messages %}{% if m.role != 'user' %}{{ raise_exception('only users, not ' + m.role) }}"
                        + "{% endif %}{% endfor %}",
                Map.of());
        LocalChatEngine refusing = new LocalChatEngine("tiny", engine, tokenizer, strict);
        ChatRequest request = new ChatRequest(
                List.of(Map.of("role", "wizard", "content", "x")),
                List.of(),
                Map.of(),
                Sampling.GREEDY,
                0,
                List.of(),
                null);

        assertThatThrownBy(() -> refusing.generate(request))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the model's chat template refuses the conversation: only users, not wizard");
    }

    @Test
    void aTemplateWithoutTextIsRefused() {
        LocalChatEngine silent = new LocalChatEngine("tiny", engine, tokenizer, ChatTemplate.parse("", Map.of()));

        assertThatThrownBy(() -> silent.generate(request(0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the prompt is empty");
    }

    @Test
    void aMissingTemplateNamesTheFiles() {
        assertThatThrownBy(() -> LocalChatEngine.open(
                        Path.of("models/base"), "base", Optional.empty(), Map.of(), Map.of(), engine))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(
                        "has no chat template: neither a file chat_template.jinja nor a field chat_template in"
                                + " tokenizer_config.json");
    }

    @Test
    void aGgufFileNeedsATemplateAndATokenizer() {
        assertThatThrownBy(() -> LocalChatEngine.open(
                        Path.of("base.gguf"), "base", Optional.empty(), Map.of(), Map.of(), engine))
                .isInstanceOf(ModelFormatException.class)
                .hasMessage(
                        "base.gguf has no chat template (tokenizer.chat_template). Use the model's instruction-tuned version");
        assertThatThrownBy(() -> LocalChatEngine.open(
                        Path.of("x.gguf"), "x", Optional.empty(), Map.of("default", "{{ 1 }}"), Map.of(), engine))
                .isInstanceOf(ModelFormatException.class)
                .hasMessage("x.gguf has no tokenizer (tokenizer.ggml.tokens). Use a file that holds the whole model");
    }

    @Test
    void aBrokenTemplateNamesFolderAndLine() {
        assertThatThrownBy(() -> LocalChatEngine.open(
                        Path.of("models/x"),
                        "x",
                        Optional.empty(),
                        Map.of("default", "fine\n{% nope %}"),
                        Map.of(),
                        engine))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("models")
                .hasMessageContaining("line 2: the tag 'nope' is not supported here");
    }

    @Test
    void aMissingTokenizerIsNamed() {
        assertThatThrownBy(() -> LocalChatEngine.open(
                        Path.of("models/x"), "x", Optional.empty(), Map.of("default", "x"), Map.of(), engine))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("tokenizer.json does not exist");
    }

    private static int[] concat(int[] ids, int last) {
        int[] all = java.util.Arrays.copyOf(ids, ids.length + 1);
        all[ids.length] = last;
        return all;
    }

    @Test
    void nobodyWaitsForEverWhereNoThreadCanBeStarted() {
        RunningChat running =
                new RunningChat(tokenizer, AnswerReader.Settings.plain(List.of()), null, new Recording(), task -> {
                    throw new RejectedExecutionException("no thread");
                });

        assertThatThrownBy(() -> running.onToken(1)).isInstanceOf(RejectedExecutionException.class);

        assertThatThrownBy(running::join)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no thread could be started to deliver an answer");
    }
}
