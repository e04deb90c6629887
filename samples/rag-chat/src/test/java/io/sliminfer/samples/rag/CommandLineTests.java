package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class CommandLineTests {

    @Test
    void withoutArgumentsThereIsNoQuestion() {
        assertThat(CommandLine.parse().question()).isNull();
    }

    @Test
    void takesValuesBehindASpaceOrAnEqualsSign() {
        CommandLine spaced = CommandLine.parse("--ask", "Who wrote it?", "--documents", "my files", "--dense");
        CommandLine joined = CommandLine.parse("--ask=Who wrote it?", "--documents=my files", "--dense");

        assertThat(spaced).isEqualTo(joined);
        assertThat(spaced.question()).isEqualTo("Who wrote it?");
        assertThat(spaced.dense()).isTrue();
        assertThat(spaced.properties()).containsExactly("--rag.documents=my files", "--rag.examples=");
    }

    @Test
    void aQuestionMayHoldAnEqualsSign() {
        assertThat(CommandLine.parse("--ask", "Is a=b?").question()).isEqualTo("Is a=b?");
    }

    @Test
    void passesPropertiesOn() {
        assertThat(CommandLine.parse("--server.port=0", "--rag.top-k=5").properties())
                .containsExactly("--server.port=0", "--rag.top-k=5");
    }

    @Test
    void refusesWhatItDoesNotKnow() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CommandLine.parse("--asks", "Who?"))
                .withMessage("'--asks' is not understood; properties are written --NAME=VALUE.");
    }

    @Test
    void refusesAMissingOrBlankValue() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CommandLine.parse("--ask"))
                .withMessage("--ask needs a value behind it.");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CommandLine.parse("--documents= "))
                .withMessage("--documents is empty.");
    }

    @Test
    void denseNeedsAQuestion() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CommandLine.parse("--dense"))
                .withMessage("--dense belongs to --ask; on the page it is a switch.");
    }
}
