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
