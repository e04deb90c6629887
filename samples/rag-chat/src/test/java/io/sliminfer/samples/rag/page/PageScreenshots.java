package io.sliminfer.samples.rag.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.WebElement;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;

/**
 * Takes the pictures of the page in {@code docs/images} of the application as it is shipped. Not one of the build's tests:
 * {@code ./mvnw -pl samples/rag-chat -am -Dtest=PageScreenshots -Dsurefire.failIfNoSpecifiedTests=false test}. The figures in them are measured
 * as they are taken, so nothing else should run; with the font Inter (Debian: fonts-inter) they look as they do there.
 */
@Tag("browser")
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
class PageScreenshots {

    private static final Path FOLDER =
            Path.of(Objects.requireNonNullElse(System.getProperty("repository.root"), "../.."), "docs", "images");

    @LocalServerPort
    int port;

    @Test
    void desktopInLightAndPhoneInDark() throws IOException {
        try (Browser browser = Browser.open()) {
            browser.visit(port);
            // The first questions find a cold machine.
            browser.askAndWait("What is the deadline of Project Lantern?");
            browser.click(browser.find(".compare"));
            browser.awaitText(".both", "Both answers");

            browser.visit(port);
            browser.device(1280, 960, 2);
            browser.askAndWait("What is the supplier of pump P-113?");
            browser.click(browser.find(".compare"));
            browser.awaitText(".both", "Halden Works");
            rest(browser);
            write("rag-chat-light.png", browser.screenshot());

            browser.emulate("prefers-color-scheme", "dark");
            browser.device(390, 844, 2);
            rest(browser);
            for (WebElement cell : browser.all(".cell")) {
                browser.click(cell);
                if (browser.text(".popover").contains("supplier of pump P-113")) {
                    break;
                }
            }
            browser.script("document.querySelector('.strip').scrollIntoView({ block: 'start', behavior: 'instant' })");
            write("rag-chat-dark-phone.png", browser.screenshot());
        }
    }

    /** Neither focus nor pointer on anything, at the top of the page. */
    private static void rest(Browser browser) {
        browser.hover(browser.find(".brand"));
        browser.script("document.activeElement.blur(); window.scrollTo({ top: 0, behavior: 'instant' })");
    }

    private static void write(String name, byte[] png) throws IOException {
        assertThat(png.length).as(name).isGreaterThan(20_000);
        Files.write(FOLDER.resolve(name), png);
    }
}
