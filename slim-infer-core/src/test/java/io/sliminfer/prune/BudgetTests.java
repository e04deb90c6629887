package io.sliminfer.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BudgetTests {

    @Test
    void aNumberOfTokensIsTheSameForEveryPrompt() {
        assertThat(Budget.parse(" 2048 ")).isEqualTo(new Budget.Tokens(2048));
        assertThat(Budget.parse("2048").tokens(10)).isEqualTo(2048);
    }

    @ParameterizedTest
    @CsvSource({"0.5,3989,1994", "0.25,4012,1003", "0.125,4012,501", "1.0,7,7", "0.1,5,0", "0.999,2000000000,1998000000"
    })
    void aShareIsRoundedDown(String text, int promptTokens, int tokens) {
        assertThat(Budget.parse(text).tokens(promptTokens)).isEqualTo(tokens);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.5", "0.0001", "1.0", "2048"})
    void theTextOfABudgetReadsAsTheSameBudget(String text) {
        Budget budget = Budget.parse(text);
        assertThat(Budget.parse(budget.toString())).isEqualTo(budget);
        assertThat(new Budget.Share(1e-7).toString()).doesNotContain("E");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "half", "0.5f", "0x1.0p-1", "1e3", "50%", "NaN", "0.5.5", ".", "99999999999"})
    void anUnreadableBudgetNamesBothForms(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Budget.parse(text))
                .withMessage("pruning budget '" + text
                        + "' is neither a number of tokens such as 2048 nor a share of the prompt such as 0.25");
    }

    @Test
    void aMassHasAFloorAndACeiling() {
        assertThat(Budget.parse("p0.9:0.125-0.5"))
                .isEqualTo(new Budget.Mass(0.9, new Budget.Share(0.125), new Budget.Share(0.5)));
        assertThat(Budget.parse(" p1 : 64 - 0.5 "))
                .isEqualTo(new Budget.Mass(1, new Budget.Tokens(64), new Budget.Share(0.5)));
        assertThat(Budget.parse("p0.9:0.125-0.5").tokens(1000))
                .as("what memory is set aside for")
                .isEqualTo(500);
    }

    @ParameterizedTest
    @ValueSource(strings = {"p0.9:0.125-0.5", "p1.0:64-2048", "p0.95:64-0.5", "p0.002:0.003-1.0", "p0.5:64-64"})
    void theTextOfAMassReadsAsTheSameMass(String text) {
        assertThat(Budget.parse(text)).hasToString(text);
        Budget tiny = new Budget.Mass(1e-7, new Budget.Share(1e-8), new Budget.Tokens(5));
        assertThat(Budget.parse(tiny.toString())).isEqualTo(tiny);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "p",
                "p0.9",
                "p0.9:",
                "p0.9:0.5",
                "p:0.1-0.5",
                "p0.9:0.1-0.5-0.7",
                "p0.9:-0.1-0.5",
                "p0.9:0.1-0.5:3",
                "pi:1-2",
                "p1e-1:1-2",
                "percent"
            })
    void anUnreadableMassNamesTheForm(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Budget.parse(text))
                .withMessage("pruning budget '" + text
                        + "' is no mass with floor and ceiling, such as p0.9:0.125-0.5 (the blocks that hold 0.9 of the"
                        + " score, between an eighth and a half of the prompt)");
    }

    @ParameterizedTest
    @CsvSource({
        "p0:0.1-0.5,a pruning mass of 0.0 is not allowed: use a share of the score above 0 and at most 1",
        "p1.01:0.1-0.5,a pruning mass of 1.01 is not allowed",
        "p-0.5:0.1-0.5,a pruning mass of -0.5 is not allowed",
        "p0.9:0.5-0.1,the floor 0.5 of a pruning mass is above its ceiling 0.1: exchange them",
        "p0.9:65-64,the floor 65 of a pruning mass is above its ceiling 64",
        "p0.9:0-64,a pruning budget of 0 tokens is not allowed",
        "p0.9:0.1-1.5,a pruning budget of 1.5 of the prompt is not allowed",
        "p0.9:0.1-x,pruning budget 'x' is neither a number of tokens"
    })
    void aMassOutsideTheRangeIsRefused(String text, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Budget.parse(text))
                .withMessageStartingWith(message);
    }

    @Test
    void aShareOutsideTheRangeIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Budget.parse("1.5"))
                .withMessage("a pruning budget of 1.5 of the prompt is not allowed: use a share above 0 and at most 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Budget.parse("0.0"))
                .withMessageContaining("above 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Budget.parse("-0.5"))
                .withMessageContaining("-0.5");
        assertThatIllegalArgumentException().isThrownBy(() -> new Budget.Share(Double.NaN));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Budget.parse("0"))
                .withMessage("a pruning budget of 0 tokens is not allowed: use 1 or more");
    }
}
