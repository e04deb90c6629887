package io.sliminfer.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MarkedTextDecoderTests {

    private static final String ANSWER = "one<call>two</call> <ca three 🦙</call>";

    private Tokenizer tokenizer = MarkedTokenizer.load(true, "<call>", "</call>");

    @AfterEach
    void close() {
        tokenizer.close();
    }

    /** Parts as told: text joined, marks in brackets, those that are tokens with an exclamation mark. */
    private List<String> read(int[] ids, String... marks) {
        List<String> parts = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        MarkedTextDecoder decoder = tokenizer.newMarkedDecoder(List.of(marks), new MarkedTextDecoder.Reader() {
            @Override
            public void text(String piece) {
                assertThat(piece).isNotEmpty();
                text.append(piece);
            }

            @Override
            public void mark(String mark, boolean token) {
                parts.add(text.toString());
                text.setLength(0);
                parts.add("[" + mark + "]" + (token ? "!" : ""));
            }
        });
        for (int id : ids) {
            decoder.append(id);
        }
        decoder.finish();
        parts.add(text.toString());
        return parts;
    }

    private int[] trusted(String text) {
        return tokenizer.encode(RenderedPrompt.trusted(text));
    }

    private int[] spelled(String text) {
        return tokenizer.encode(RenderedPrompt.untrusted(text));
    }

    @Test
    void tellsTokensThatDecodingLeavesOut() {
        assertThat(read(trusted(ANSWER), "<call>", "</call>"))
                .containsExactly("one", "[<call>]!", "two", "[</call>]!", " <ca three 🦙", "[</call>]!", "");
        assertThat(tokenizer.decode(trusted(ANSWER))).isEqualTo("onetwo <ca three 🦙");
    }

    @Test
    void tellsTokensThatDecodingShows() {
        tokenizer.close();
        tokenizer = MarkedTokenizer.load(false, "<call>", "</call>");

        assertThat(read(trusted(ANSWER), "<call>", "</call>"))
                .containsExactly("one", "[<call>]!", "two", "[</call>]!", " <ca three 🦙", "[</call>]!", "");
    }

    @Test
    void aMarkThatIsATokenIsTextWhereItIsSpelled() {
        assertThat(read(spelled(ANSWER), "<call>", "</call>")).containsExactly(ANSWER);
    }

    @Test
    void aMarkThatIsNoTokenIsFoundInTheText() {
        assertThat(read(spelled("a<<b>>c<b> <b"), "<b>")).containsExactly("a<", "[<b>]", ">c", "[<b>]", " <b");
    }

    @Test
    void holdsBackOnlyWhatMayBeAMark() {
        List<String> told = new ArrayList<>();
        MarkedTextDecoder decoder = tokenizer.newMarkedDecoder(List.of("<b>"), new MarkedTextDecoder.Reader() {
            @Override
            public void text(String piece) {
                told.add(piece);
            }

            @Override
            public void mark(String mark, boolean token) {
                told.add(mark);
            }
        });
        for (int id : spelled("x")) {
            decoder.append(id);
        }
        assertThat(told).containsExactly("x");
        for (int id : spelled("<")) {
            decoder.append(id);
        }
        assertThat(told).containsExactly("x");
        for (int id : spelled("c")) {
            decoder.append(id);
        }
        assertThat(String.join("", told)).isEqualTo("x<c");
    }

    @Test
    void withoutMarksItDecodesAsUsual() {
        assertThat(read(trusted(ANSWER))).containsExactly("onetwo <ca three 🦙");
    }
}
