package io.sliminfer.samples.rag.page;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.openqa.selenium.By;
import org.openqa.selenium.JavascriptExecutor;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A headless Chromium, driven by the chromedriver that belongs to it. Nothing is downloaded. */
final class Browser implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(90);

    /** Most waits are for less than Selenium's half a second. */
    private static final Duration POLLING = Duration.ofMillis(50);

    private final ChromeDriver driver;

    private Browser(ChromeDriver driver) {
        this.driver = driver;
    }

    /** Opens one; aborts the test where there is none, or fails it with {@code -Dbrowser.required=true}. */
    static Browser open() {
        Optional<Path> chromium = program("chromium", "chromium-browser", "google-chrome");
        Optional<Path> chromedriver = program("chromedriver");
        if (chromium.isEmpty() || chromedriver.isEmpty()) {
            String reason = (chromium.isEmpty() ? "no chromium" : "no chromedriver")
                    + " on the PATH: on Debian, apt-get install chromium chromium-driver";
            if (Boolean.getBoolean("browser.required")) {
                throw new IllegalStateException(reason);
            }
            Assumptions.abort(reason);
        }
        ChromeOptions options = new ChromeOptions();
        options.setBinary(chromium.orElseThrow().toFile());
        options.addArguments(
                "--headless=new",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--hide-scrollbars");
        if (System.getProperty("user.name").equals("root")) {
            options.addArguments("--no-sandbox"); // Chromium's sandbox refuses root, as in most containers
        }
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.PERFORMANCE, Level.ALL);
        logs.enable(LogType.BROWSER, Level.ALL);
        options.setCapability("goog:loggingPrefs", logs);
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(chromedriver.orElseThrow().toFile())
                .usingAnyFreePort()
                .build();
        return new Browser(new ChromeDriver(service, options));
    }

    private static Optional<Path> program(String... names) {
        String path = Objects.requireNonNullElse(System.getenv("PATH"), "");
        return Arrays.stream(path.split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .flatMap(folder -> Stream.of(names).map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Opens the page as somebody who has never been there, at 1280 by 900 and in light. */
    void visit(int port) {
        width(1280, 900);
        emulate("prefers-color-scheme", "light");
        driver.get("http://127.0.0.1:" + port + "/");
        script("localStorage.clear()");
        reload();
    }

    void reload() {
        driver.navigate().refresh();
        await("the page's scripts ran", "return document.getElementById('about').textContent !== ''");
    }

    void width(int width, int height) {
        device(width, height, 1);
    }

    /** @param pixels device pixels of a CSS pixel */
    void device(int width, int height, int pixels) {
        driver.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", pixels, "mobile", false));
    }

    /** Answers a media query, such as {@code prefers-color-scheme}. */
    void emulate(String feature, String value) {
        driver.executeCdpCommand(
                "Emulation.setEmulatedMedia", Map.of("features", List.of(Map.of("name", feature, "value", value))));
    }

    WebElement find(String selector) {
        return driver.findElement(By.cssSelector(selector));
    }

    List<WebElement> all(String selector) {
        return driver.findElements(By.cssSelector(selector));
    }

    String text(String selector) {
        return find(selector).getText();
    }

    /** Asks with the keyboard. */
    void ask(String question) {
        find("#question").sendKeys(question, Keys.ENTER);
    }

    /** Asks and waits until the answer has ended and its prompt is shown. */
    void askAndWait(String question) {
        int turns = all(".turn").size();
        ask(question);
        await(
                "an answer with its prompt",
                "const turns = document.querySelectorAll('.turn'); return turns.length === " + (turns + 1)
                        + " && !turns[" + turns + "].classList.contains('busy')"
                        + " && turns[" + turns + "].querySelector('.cell') !== null");
    }

    void press(CharSequence... keys) {
        new Actions(driver).sendKeys(keys).perform();
    }

    /** Moves the focus back. */
    void shiftTab() {
        new Actions(driver)
                .keyDown(Keys.SHIFT)
                .sendKeys(Keys.TAB)
                .keyUp(Keys.SHIFT)
                .perform();
    }

    void hover(WebElement element) {
        show(element);
        new Actions(driver).moveToElement(element).perform();
    }

    void click(WebElement element) {
        show(element);
        element.click();
    }

    /** At once: the page itself scrolls smoothly, and what moves cannot be clicked. */
    private void show(WebElement element) {
        script("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", element);
    }

    WebElement focused() {
        return driver.switchTo().activeElement();
    }

    Object script(String script, Object... arguments) {
        return ((JavascriptExecutor) driver).executeScript(script, arguments);
    }

    /** Waits until a script returns true. */
    void await(String what, String script) {
        new WebDriverWait(driver, PATIENCE, POLLING)
                .withMessage(() -> what + "; the page says: " + text("body"))
                .until(ignored -> Boolean.TRUE.equals(script(script)));
    }

    void awaitText(String selector, String text) {
        new WebDriverWait(driver, PATIENCE, POLLING)
                .withMessage(() -> "'" + text + "' in " + selector + "; the page says: " + text("body"))
                .until(ignored -> all(selector).stream()
                        .anyMatch(element -> element.getText().contains(text)));
    }

    /** URLs of all requests since the browser was opened or this was asked last. */
    List<String> requests() {
        List<String> urls = new ArrayList<>();
        for (LogEntry entry : driver.manage().logs().get(LogType.PERFORMANCE)) {
            JsonNode message = JsonMapper.shared().readTree(entry.getMessage()).path("message");
            if (message.path("method").asString("").equals("Network.requestWillBeSent")) {
                urls.add(message.path("params").path("request").path("url").asString(""));
            }
        }
        return urls;
    }

    /** What the console holds of errors, refusals of the content security policy among them. */
    List<String> consoleErrors() {
        return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
                .map(LogEntry::getMessage)
                .toList();
    }

    /** What a screen reader is told: nodes of the accessibility tree that are not ignored. */
    List<JsonNode> accessibilityTree() {
        JsonNode tree =
                JsonMapper.shared().valueToTree(driver.executeCdpCommand("Accessibility.getFullAXTree", Map.of()));
        List<JsonNode> nodes = new ArrayList<>();
        tree.path("nodes").forEach(node -> {
            if (!node.path("ignored").asBoolean(false)) {
                nodes.add(node);
            }
        });
        return nodes;
    }

    /** A PNG of what is in the window. */
    byte[] screenshot() {
        return Base64.getDecoder()
                .decode((String) driver.executeCdpCommand("Page.captureScreenshot", Map.of("format", "png"))
                        .get("data"));
    }

    @Override
    public void close() {
        driver.quit();
    }
}
