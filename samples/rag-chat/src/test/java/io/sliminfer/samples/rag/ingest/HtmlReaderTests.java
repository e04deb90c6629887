package io.sliminfer.samples.rag.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class HtmlReaderTests {

    @Test
    void separatesBlocksAndJoinsWhatTheAuthorWrapped() {
        assertThat(
                        text(
                                "<h1>Pumps</h1><p>The supplier of\n   <b>pump P-113</b> is Halden Works.</p><div>Next.<p>Last.</div>"))
                .isEqualTo("Pumps\n\nThe supplier of pump P-113 is Halden Works.\n\nNext.\n\nLast.");
    }

    @Test
    void keepsListItemsAndTableRowsOnLinesOfTheirOwn() {
        assertThat(
                        text(
                                "<p>Codes:</p><ul><li>One.</li><li><p>Two.</p></li></ul><table><tr><th>V-1</th><td>K-7</td></tr></table>"))
                .isEqualTo("Codes:\n\n- One.\n- Two.\n\nV-1: K-7");
    }

    @Test
    void leavesOutWhatIsNotContent() {
        assertThat(text("<nav>Menu</nav><script>let x = 1;</script><style>p {}</style><p>Text.</p><button>Go</button>"))
                .isEqualTo("Text.");
    }

    @Test
    void takesTheCharacterSetFromThePage() {
        String page = "<meta charset=\"iso-8859-1\"><p>Malm\u00f6</p>";

        assertThat(text(page, StandardCharsets.ISO_8859_1)).isEqualTo("Malm\u00f6");
    }

    private static String text(String html) {
        return text(html, StandardCharsets.UTF_8);
    }

    private static String text(String html, Charset charset) {
        return new HtmlReader(html.getBytes(charset)).get().get(0).getText();
    }
}
