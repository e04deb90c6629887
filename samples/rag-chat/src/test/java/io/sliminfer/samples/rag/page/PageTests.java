package io.sliminfer.samples.rag.page;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.samples.rag.AnswerEvent;
import io.sliminfer.samples.rag.DocumentAssistant;
import io.sliminfer.samples.rag.Prefill;
import io.sliminfer.samples.rag.PromptStrip;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import tools.jackson.databind.JsonNode;

/** The page with the application as it is shipped, with fewer passages so that it is quick. */
@Tag("browser")
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT, properties = "rag.top-k=12")
class PageTests {

    private static final String QUESTION = "What is the supplier of pump P-113?";
    private static final String ANSWER = "The supplier of pump P-113 is Halden Works.";

    private static Browser browser;

    @Autowired
    DocumentAssistant assistant;

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
    void anExampleIsAskedWithAClickAndAnswered() {
        browser.click(browser.all(".example").get(0));
        browser.awaitText(".answer", ANSWER);
        browser.await("the end", "return document.querySelector('.turn.busy') === null");

        assertThat(browser.text(".turn .question")).isEqualTo(QUESTION);
        assertThat(browser.find(".answer").getDomAttribute("aria-busy")).isEqualTo("false");
        assertThat(browser.text(".figures")).contains("First token", "Prompt", "Pruned", "Speed", "tokens/s");
        assertThat(browser.find(".problem").isDisplayed()).isFalse();
    }

    @Test
    void turnsStandBelowEachOther() {
        browser.askAndWait(QUESTION);
        browser.askAndWait("What is the deadline of Project Lantern?");

        assertThat(browser.all(".turn .question"))
                .extracting(WebElement::getText)
                .containsExactly(QUESTION, "What is the deadline of Project Lantern?");
        assertThat(browser.all(".turn .answer").get(1).getText()).contains("30 June 2027");
        assertThat(browser.focused().getDomAttribute("id")).isEqualTo("question");
    }

    @Test
    void theStripShowsWhatTheReportSays() {
        browser.askAndWait(QUESTION);
        AnswerEvent.Finished finished = finished();
        PromptStrip prompt = Objects.requireNonNull(finished.prompt());

        List<WebElement> cells = browser.all(".cell");
        int promptTokens = finished.report().promptTokens();
        assertThat(browser.text(".figures")).contains("%,d tokens".formatted(promptTokens));
        assertThat(cells).hasSize((promptTokens + 63) / 64).hasSameSizeAs(prompt.blocks());
        List<?> lastLayers = (List<?>) browser.script(
                "return [...document.querySelectorAll('.cell')].map((cell) => Number(cell.dataset.lastLayer))");
        assertThat(lastLayers)
                .hasToString(prompt.blocks().stream()
                        .map(PromptStrip.Block::lastLayer)
                        .toList()
                        .toString());
        assertThat(lastLayers.stream().distinct()).as("pruned at one layer").hasSize(2);

        Map<Integer, Long> blocks = prompt.blocks().stream()
                .collect(Collectors.groupingBy(PromptStrip.Block::lastLayer, Collectors.counting()));
        for (WebElement entry : browser.all(".legend li[data-last-layer]")) {
            int lastLayer = Integer.parseInt(entry.getDomAttribute("data-last-layer"));
            assertThat(entry.getText())
                    .contains(lastLayer == prompt.layers() - 1 ? "Kept to the end" : "Dropped at layer " + lastLayer)
                    .contains("%,d blocks".formatted(blocks.get(lastLayer)));
        }
        assertThat(browser.all(".legend li[data-last-layer]")).hasSize(blocks.size());
    }

    @Test
    void blocksOfOneStageHaveOneColourAndTheLegendHasIt() {
        browser.askAndWait(QUESTION);

        Function<String, Set<String>> looks = selector -> new TreeSet<>(
                strings(
                        "return [...document.querySelectorAll('"
                                + selector
                                + "')].map((e) => e.dataset.lastLayer + ' ' + getComputedStyle(e.querySelector('.swatch') ?? e).backgroundImage)"));
        assertThat(looks.apply(".cell")).hasSize(2).isEqualTo(looks.apply(".legend li[data-last-layer]"));
        assertThat(looks.apply(".cell").stream().map(look -> look.substring(look.indexOf(' '))))
                .as("colours of two stages")
                .doesNotHaveDuplicates();
    }

    @Test
    void hoverShowsABlocksText() {
        browser.askAndWait(QUESTION);
        List<PromptStrip.Block> blocks =
                Objects.requireNonNull(finished().prompt()).blocks();

        browser.hover(browser.all(".cell").get(7));

        assertThat(browser.find(".popover").isDisplayed()).isTrue();
        assertThat(browser.text(".popover-head")).isEqualTo("Block 7, tokens 448 to 511");
        assertThat(browser.find(".popover-text").getDomProperty("textContent"))
                .isEqualTo(blocks.get(7).text());
        assertThat(browser.text(".popover-fate")).contains("layer 4", ".md");

        browser.hover(browser.find(".popover-text"));
        assertThat(browser.find(".popover").isDisplayed())
                .as("the pointer may go on to the text")
                .isTrue();

        browser.press(Keys.ESCAPE);
        assertThat(browser.find(".popover").isDisplayed()).isFalse();
    }

    @Test
    void theStripIsReadWithTheKeyboardAlone() {
        browser.askAndWait(QUESTION);
        List<PromptStrip.Block> blocks =
                Objects.requireNonNull(finished().prompt()).blocks();
        int last = blocks.size() - 1;

        for (int tabs = 0; !isCell(browser.focused()); tabs++) {
            assertThat(tabs).as("tabs to the strip").isLessThan(20);
            browser.shiftTab();
        }
        browser.press(Keys.HOME);
        assertThat(browser.text(".popover-head")).startsWith("Block 0,");
        assertThat(browser.text(".popover-fate")).contains("in the sink");
        browser.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT);
        assertThat(browser.text(".popover-head")).isEqualTo("Block 1, tokens 64 to 127");
        assertThat(browser.focused().getDomAttribute("aria-label")).startsWith("Block 1, tokens 64 to 127,");
        assertThat(browser.find("#" + browser.focused().getDomAttribute("aria-describedby"))
                        .getText())
                .contains(blocks.get(1).text().strip().lines().findFirst().orElseThrow());
        browser.press(Keys.END);
        assertThat(browser.text(".popover-head")).startsWith("Block " + last + ",");
        assertThat(browser.text(".popover-fate")).contains("Kept to the end", "in the window");
        browser.press(Keys.ARROW_RIGHT);
        assertThat(browser.text(".popover-head"))
                .as("there is no block behind the last")
                .startsWith("Block " + last + ",");
        browser.press(Keys.ESCAPE);
        assertThat(browser.find(".popover").isDisplayed()).isFalse();
        assertThat(isCell(browser.focused())).isTrue();
        assertThat(browser.all(".cell[tabindex='0']")).as("one stop for Tab").hasSize(1);
    }

    @Test
    void upAndDownMoveByRows() {
        browser.width(400, 900);
        browser.askAndWait(QUESTION);
        browser.click(browser.all(".cell").get(0));

        browser.press(Keys.ARROW_DOWN);

        int index = Integer.parseInt(browser.focused().getDomAttribute("data-index"));
        assertThat(index).isGreaterThan(5);
        assertThat(browser.focused().getLocation().x)
                .isEqualTo(browser.all(".cell").get(0).getLocation().x);
        browser.press(Keys.ARROW_UP);
        assertThat(browser.focused().getDomAttribute("data-index")).isEqualTo("0");
    }

    @Test
    void aPassageLightsUpItsBlocks() {
        browser.askAndWait(QUESTION);
        PromptStrip.Range range = Objects.requireNonNull(
                Objects.requireNonNull(finished().prompt()).passages().get(0));
        WebElement passage = browser.all(".passages li").get(0);

        assertThat(passage.getText())
                .contains("pump-house-handbook.md", "blocks " + range.first() + "–" + range.last());
        browser.hover(passage);

        assertThat(browser.script(
                        "return [...document.querySelectorAll('.cell.lit')].map((cell) => Number(cell.dataset.index))"))
                .hasToString(IntStream.rangeClosed(range.first(), range.last())
                        .boxed()
                        .toList()
                        .toString());
        browser.click(passage.findElement(By.cssSelector("summary")));
        assertThat(passage.getText()).contains("The supplier of pump P-113 is Halden Works.");
        assertThat(browser.all(".passages li").stream().filter(WebElement::isDisplayed))
                .hasSize(4);
        browser.click(browser.find(".more"));
        assertThat(browser.all(".passages li").stream().filter(WebElement::isDisplayed))
                .hasSize(12);
    }

    @Test
    void oneClickMeasuresDenseAgainstPruned() {
        browser.askAndWait(QUESTION);

        browser.click(browser.find(".compare"));
        browser.awaitText(".both", "Both answers: " + ANSWER);

        double dense = Double.parseDouble(browser.find(".bar.dense").getDomAttribute("data-millis"));
        double pruned = Double.parseDouble(browser.find(".bar.pruned").getDomAttribute("data-millis"));
        assertThat(dense).isPositive();
        assertThat(pruned).isPositive();
        assertThat(browser.text(".verdict"))
                .contains("One run of each, 0 cached tokens.")
                .contains("%.1f times".formatted(Math.max(dense / pruned, pruned / dense)));

        browser.click(browser.find(".compare"));
        browser.awaitText(".verdict", "Medians of 2 runs of each, 0 cached tokens.");
    }

    @Test
    void aSecondQuestionTakesItsPromptFromThePrefixCache() {
        browser.askAndWait(QUESTION);
        browser.askAndWait(QUESTION);

        assertThat(browser.all(".turn").get(1).getText()).containsPattern("[\\d,]{3,} cached");
    }

    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void textHasEnoughContrast(String scheme) {
        browser.emulate("prefers-color-scheme", scheme);
        browser.askAndWait(QUESTION);
        browser.click(browser.find(".compare"));
        browser.awaitText(".both", "Both answers");
        browser.click(browser.all(".passages summary").get(0));
        browser.click(browser.all(".cell").get(3));

        assertThat(Contrast.tooLow(browser)).isEmpty();
    }

    @Test
    void theThemeIsTheSystemsUntilItIsChosen() {
        browser.emulate("prefers-color-scheme", "dark");
        assertThat(pageIsDark()).isTrue();
        assertThat(browser.find("#theme").getDomAttribute("aria-pressed")).isEqualTo("true");

        browser.click(browser.find("#theme"));
        assertThat(pageIsDark()).isFalse();
        assertThat(browser.find("#theme").getDomAttribute("aria-pressed")).isEqualTo("false");

        browser.reload();
        assertThat(pageIsDark()).as("what was chosen stays").isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {320, 360, 768, 1920})
    void nothingIsWiderThanTheWindow(int width) {
        browser.width(width, 800);
        assertThat(pageWidth()).isLessThanOrEqualTo(width);

        browser.askAndWait(QUESTION);
        browser.click(browser.all(".passages summary").get(0));
        List<WebElement> cells = browser.all(".cell");
        for (int index : new int[] {0, cells.size() / 2, cells.size() - 1}) {
            browser.click(cells.get(index));
            assertThat(pageWidth()).as("with block " + index).isLessThanOrEqualTo(width);
            assertThat(((Number) browser.script(
                                    "return document.querySelector('.popover').getBoundingClientRect().right"))
                            .doubleValue())
                    .isLessThanOrEqualTo(width);
        }
    }

    @Test
    void whatCanBeUsedHasAName() {
        browser.askAndWait(QUESTION);

        Set<String> roles = Set.of(
                "button", "textbox", "radio", "option", "listbox", "link", "DisclosureTriangle", "article", "form");
        List<JsonNode> used = browser.accessibilityTree().stream()
                .filter(node -> roles.contains(node.path("role").path("value").asString("")))
                .toList();
        assertThat(used).hasSizeGreaterThan(40);
        assertThat(used)
                .allSatisfy(node -> assertThat(node.path("name").path("value").asString(""))
                        .as(node.path("role").path("value").asString(""))
                        .isNotBlank());
        assertThat(browser.script("return document.documentElement.lang")).isEqualTo("en");
        assertThat(browser.all("h1")).hasSize(1);
        assertThat(browser.all("main")).hasSize(1);
        assertThat(strings("return [...document.querySelectorAll('[id]')].map((element) => element.id)"))
                .doesNotHaveDuplicates();
        assertThat(strings("return [...document.querySelectorAll('button, summary, input, textarea')]"
                        + ".filter((e) => e.checkVisibility()).map((e) => e.closest('label') ?? e)"
                        + ".filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)"))
                .as("smaller than 24 pixels (WCAG 2.5.8)")
                .isEmpty();
    }

    @Test
    void theFirstTabSkipsToTheQuestion() {
        browser.script("document.activeElement.blur()");
        browser.press(Keys.TAB);
        assertThat(browser.focused().getText()).isEqualTo("Skip to the question");
        browser.press(Keys.ENTER);
        browser.press(Keys.TAB);

        assertThat((String) browser.script("return document.activeElement.closest('form').id"))
                .isEqualTo("form");
    }

    @Test
    void nothingMovesForThoseWhoAskForThat() {
        browser.emulate("prefers-reduced-motion", "reduce");
        browser.askAndWait(QUESTION);
        browser.script("document.querySelector('.turn').classList.add('busy')");

        assertThat(browser.script("return getComputedStyle(document.querySelector('.pulse')).animationName"))
                .isEqualTo("none");
        assertThat(browser.script("return getComputedStyle(document.documentElement).scrollBehavior"))
                .isEqualTo("auto");
    }

    @Test
    void nothingIsFetchedFromElsewhere() {
        browser.requests();
        browser.consoleErrors();
        browser.reload();
        browser.askAndWait(QUESTION);

        List<String> requests = browser.requests();
        assertThat(requests).anyMatch(url -> url.endsWith("/api/ask")).anyMatch(url -> url.endsWith("/strip.js"));
        assertThat(requests).filteredOn(url -> !url.startsWith("data:")).allSatisfy(url -> assertThat(URI.create(url))
                .hasHost("127.0.0.1")
                .hasPort(port));
        assertThat(browser.consoleErrors()).isEmpty();
    }

    private AnswerEvent.Finished finished() {
        return (AnswerEvent.Finished) Objects.requireNonNull(assistant.stream(QUESTION, Prefill.CONFIGURED)
                .filter(AnswerEvent.Finished.class::isInstance)
                .blockLast());
    }

    @SuppressWarnings("unchecked")
    private static List<String> strings(String script) {
        return (List<String>) browser.script(script);
    }

    private static boolean isCell(WebElement element) {
        return "cell".equals(String.valueOf(element.getDomAttribute("class")).split(" ")[0]);
    }

    private static boolean pageIsDark() {
        String[] rgb = String.valueOf(browser.script("return getComputedStyle(document.body).backgroundColor"))
                .replaceAll("[^0-9,]", "")
                .split(",");
        return Integer.parseInt(rgb[0]) < 128;
    }

    private static long pageWidth() {
        return (Long) browser.script("return document.documentElement.scrollWidth");
    }
}
