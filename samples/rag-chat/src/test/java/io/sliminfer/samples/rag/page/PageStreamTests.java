package io.sliminfer.samples.rag.page;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.engine.EngineException;
import io.sliminfer.samples.rag.StubChatModel;
import io.sliminfer.spring.SlimInferChatOptions;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.context.annotation.Bean;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;

/** What the page does with answers that come slowly, not at all, or as something else; the chat model alone is a stub. */
@Tag("browser")
@SpringBootTest(
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {"spring.ai.model.chat=none", "rag.top-k=3"})
class PageStreamTests {

    private static Browser browser;

    @Autowired
    StubChatModel model;

    @LocalServerPort
    int port;

    @BeforeAll
    static void open() {
        browser = Browser.open();
    }

    @AfterAll
    static void close() {
        if (browser != null) {
            browser.close();
        }
    }

    @BeforeEach
    void visit() {
        browser.visit(port);
    }

    @Test
    void textIsShownAsItComes() {
        Sinks.Many<ChatResponse> sink = Sinks.many().unicast().onBackpressureBuffer();
        model.streams(sink.asFlux());

        browser.ask("Who?");
        sink.tryEmitNext(StubChatModel.piece("Halden")).orThrow();
        browser.awaitText(".answer", "Halden");
        assertThat(browser.find(".answer").getDomAttribute("aria-busy")).isEqualTo("true");
        assertThat(browser.find("#stop").isDisplayed()).isTrue();
        assertThat(browser.find("#ask").isDisplayed()).isFalse();

        sink.tryEmitNext(StubChatModel.piece(" Works.")).orThrow();
        sink.tryEmitNext(StubChatModel.finished("")).orThrow();
        sink.tryEmitComplete().orThrow();
        browser.awaitText(".answer", "Halden Works.");
        browser.await("the end", "return document.querySelector('.turn.busy') === null");
        assertThat(browser.find(".answer").getDomAttribute("aria-busy")).isEqualTo("false");
        assertThat(browser.find("#ask").isDisplayed()).isTrue();
    }

    @Test
    void stopCancelsTheWork() throws InterruptedException {
        CountDownLatch cancelled = endless();

        browser.ask("Who?");
        browser.awaitText(".answer", "Ha");
        browser.click(browser.find("#stop"));

        assertThat(cancelled.await(20, TimeUnit.SECONDS)).isTrue();
        browser.awaitText(".progress", "Stopped. The server has cancelled the work.");
        assertThat(browser.text(".answer")).as("what had come stays").isEqualTo("Ha");
        assertThat(browser.find("#ask").isDisplayed()).isTrue();
    }

    @Test
    void escapeStopsToo() throws InterruptedException {
        CountDownLatch cancelled = endless();

        browser.ask("Who?");
        browser.awaitText(".answer", "Ha");
        browser.press(Keys.ESCAPE);

        assertThat(cancelled.await(20, TimeUnit.SECONDS)).isTrue();
        browser.awaitText(".progress", "Stopped.");
    }

    @Test
    void leavingThePageCancelsTheWork() throws InterruptedException {
        CountDownLatch cancelled = endless();

        browser.ask("Who?");
        browser.awaitText(".answer", "Ha");
        browser.reload();

        assertThat(cancelled.await(20, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aFullQueueSaysWhatToDoAndMayBeAskedAgain() {
        model.streams(Flux.error(new EngineException(EngineException.Kind.QUEUE_FULL, "slim-infer.queue-capacity=64")));
        browser.ask("Who?");
        browser.awaitText(".problem", "Too many questions are waiting");
        assertThat(browser.text(".problem")).contains("Ask again when", "slim-infer.queue-capacity=64");

        model.streams(StubChatModel.pieces("Halden."));
        browser.click(browser.find(".again"));

        browser.awaitText(".answer", "Halden.");
        assertThat(browser.find(".problem").isDisplayed()).isFalse();
        assertThat(browser.all(".turn")).hasSize(1);
    }

    @Test
    void aPromptThatIsTooLongSaysHowToMakeItShorter() {
        model.streams(Flux.error(new EngineException(
                EngineException.Kind.PROMPT_TOO_LONG, "the prompt has 70,000 tokens, the model takes 8,192")));
        browser.ask("Who?");

        browser.awaitText(".problem", "The prompt is too long");
        assertThat(browser.text(".problem")).contains("--rag.top-k=20", "70,000 tokens");
        assertThat(browser.find(".again").isDisplayed())
                .as("asking the same again does not help")
                .isFalse();
    }

    @Test
    void aFailureHalfWayKeepsWhatHadCome() {
        model.streams(Flux.concat(
                Flux.just(StubChatModel.piece("Halden")), Flux.error(new IllegalStateException("the device is gone"))));
        browser.ask("Who?");

        browser.awaitText(".problem", "The question was not answered");
        assertThat(browser.text(".problem")).contains("The application's log says more.");
        assertThat(browser.text(".answer")).isEqualTo("Halden");
    }

    @Test
    void textIsNeverMarkup() {
        String markup = "<img src=x onerror=\"document.title='run'\"><b>bold</b>";
        model.streams(StubChatModel.pieces(markup));

        browser.askAndWait(markup);

        assertThat(browser.text(".answer")).isEqualTo(markup);
        assertThat(browser.text(".question")).isEqualTo(markup);
        assertThat(browser.all("img, .answer b")).isEmpty();
        assertThat(browser.script("return document.title")).isEqualTo("Ask your documents · SlimInfer");
    }

    @Test
    void eachStageHasItsOwnColourAndHeight() {
        model.streams(StubChatModel.pieces("x"));
        browser.askAndWait("Who?");

        List<WebElement> entries = browser.all(".legend li[data-last-layer]");
        assertThat(entries)
                .extracting(entry -> entry.getText().replace('\u00a0', ' '))
                .containsExactly(
                        "Dropped at layer 4\n64 blocks, 50 % of tokens",
                        "Dropped at layer 8\n32 blocks, 25 % of tokens", "Kept to the end\n32 blocks, 25 % of tokens");
        assertThat(entries)
                .extracting(entry -> browser.script(
                        "const style = getComputedStyle(arguments[0].querySelector('.swatch'));"
                                + " return style.backgroundImage + ' ' + style.backgroundSize",
                        entry))
                .doesNotHaveDuplicates();
    }

    @Test
    void denseIsChosenWithTheKeyboard() {
        model.streams(StubChatModel.pieces("x"));
        browser.find("#question").sendKeys("Who?");
        browser.press(Keys.TAB, Keys.TAB);
        assertThat(browser.focused().getDomAttribute("value")).isEqualTo("pruned");
        browser.press(Keys.ARROW_RIGHT);
        browser.shiftTab();
        browser.press(Keys.ENTER);
        browser.awaitText(".answer", "x");

        SlimInferChatOptions options =
                (SlimInferChatOptions) Objects.requireNonNull(model.lastPrompt().getOptions());
        assertThat(options.getPruning()).isFalse();
    }

    private CountDownLatch endless() {
        CountDownLatch cancelled = new CountDownLatch(1);
        model.streams(
                Flux.concat(Flux.just(StubChatModel.piece("Ha")), Flux.never()).doOnCancel(cancelled::countDown));
        return cancelled;
    }

    @TestConfiguration(proxyBeanMethods = false)
    static class Stubs {

        @Bean
        StubChatModel chatModel() {
            return new StubChatModel();
        }
    }
}
