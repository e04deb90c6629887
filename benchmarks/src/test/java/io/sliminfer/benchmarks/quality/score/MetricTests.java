package io.sliminfer.benchmarks.quality.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Values computed by hand, or by the Python programs that LongBench uses (rouge 1.0.1, difflib of Python 3.11). */
class MetricTests {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "23:46              | 23:46. | 1",
                "Ruth  Mitchell     | ruth mitchell | 1",
                "'93-FV-80.'        | 93-FV-80 | 1",
                "3.14               | 314 | 0",
                "the budget is 5    | 5 | 0"
            })
    void exactIgnoresCaseAndPunctuationAroundWords(String answer, String expected, double score) {
        assertThat(Metric.EXACT.score(answer, List.of(expected), List.of())).isEqualTo(score);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "The budget is 5.        | 5    | 1",
                "The budget is 15.       | 5    | 0",
                "It is Leah Winter, yes. | leah winter | 1",
                "他住在北京市。            | 北京  | 1",
                "他住在上海市。            | 北京  | 0"
            })
    void containsLooksForWholeWords(String answer, String expected, double score) {
        assertThat(Metric.CONTAINS.score(answer, List.of(expected), List.of())).isEqualTo(score);
    }

    @Test
    void oneOfSeveralAcceptedAnswersIsEnough() {
        assertThat(Metric.EXACT.score("unanswerable", List.of("not stated", "Unanswerable"), List.of()))
                .isEqualTo(1);
    }

    @Test
    void allGivesTheShareThatIsThere() {
        List<String> expected = List.of("8690", "41447", "SPREAD", "33888");
        assertThat(Metric.ALL.score("8690, spread and 33888", expected, List.of()))
                .isEqualTo(0.75);
        assertThat(Metric.ANY.score("only 33888", expected, List.of())).isEqualTo(1);
        assertThat(Metric.ANY.score("none", expected, List.of())).isZero();
    }

    @Test
    void f1LeavesOutArticlesAndPunctuation() {
        // [cat, sat] and [big, cat, sat, down]: precision 1, recall 1/2.
        assertThat(Metric.QA_F1.score("The cat sat!", List.of("a big cat sat down"), List.of()))
                .isEqualTo(2.0 / 3, within(1e-12));
        assertThat(Metric.QA_F1.score("dog", List.of("cat"), List.of())).isZero();
        assertThat(Metric.QA_F1.score("", List.of("cat"), List.of())).isZero();
    }

    @Test
    void f1CountsARepeatedWordOnlyAsOftenAsExpected() {
        // Common: x once; precision 1/3, recall 1/2.
        assertThat(Metric.QA_F1.score("x x x", List.of("x y"), List.of())).isEqualTo(0.4, within(1e-12));
    }

    @Test
    void chineseF1CountsWordsNotCharacters() {
        // 我 来到 北京 清华大学 and 我 在 北京: two of four, two of three.
        assertThat(Metric.QA_F1_ZH.score("我来到北京清华大学。", List.of("我在北京"), List.of()))
                .isEqualTo(2 * 0.5 * (2.0 / 3) / (0.5 + 2.0 / 3), within(1e-12));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "the cat sat on the mat | the cat is on the mat | 0.7999999950000002",
                "The pump failed. The valve was closed by the operator. "
                        + "| The operator closed the valve. Then the pump failed again. | 0.5555555505555557",
                "'' | a b | 0",
                "... | a b | 0",
                "a a a b | a b c | 0.7999999952000001",
                "one two three four five | five four three two one | 0.19999999500000015",
                "w1 w2 w6 w7 w8. w1 w3 w8 w9 w5 | w1 w2 w3 w4 w5 | 0.6153846106508877"
            })
    void rougeIsThatOfThePythonPackage(String answer, String expected, double score) {
        assertThat(Metric.ROUGE_L.score(answer, List.of(expected), List.of())).isEqualTo(score, within(1e-12));
    }

    @Test
    void chineseRougeSegmentsFirst() {
        // 我 来到 北京 。 and 我 在 北京 大学 。, but 北京大学 is one word: 我 and 。 are common, of 4 and 4.
        assertThat(Metric.ROUGE_L_ZH.score("我来到北京。", List.of("我在北京大学。"), List.of()))
                .isEqualTo(0.5, within(1e-6));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "return x + 1; | return x + 2; | 0.92",
                "for (int i = 0; i < n; i++) { | for (int j = 0; j < n; ++j) { | 0.90",
                "abcd | bcde | 0.75",
                "private Thread currentThread; | private volatile Thread currentThread; | 0.87",
                "tide | diet | 0.25",
                "diet | tide | 0.5",
                "self.assertEqual(a, b) | '    self.assertEqual(a, b)' | 0.92"
            })
    void editSimilarityIsThatOfDifflib(String answer, String expected, double score) {
        assertThat(Metric.CODE_SIM.score(answer, List.of(expected), List.of())).isEqualTo(score, within(1e-9));
    }

    @Test
    void editSimilarityIgnoresPopularCharactersOfLongTexts() {
        String answer = "x".repeat(150) + "abc" + "y".repeat(100);
        String expected = "abc" + "x".repeat(120) + "y".repeat(130);
        assertThat(Metric.CODE_SIM.score(answer, List.of(expected), List.of())).isEqualTo(0.01, within(1e-9));
    }

    @Test
    void codeIsComparedByItsFirstLineThatIsNoComment() {
        assertThat(Metric.CODE_SIM.score("\n\n```java\n// next\nreturn x;\nfoo();", List.of("return x;"), List.of()))
                .isEqualTo(1);
        assertThat(Metric.CODE_SIM.score("# only a comment", List.of("return x;"), List.of()))
                .isZero();
    }

    @Test
    void classificationSharesThePointAmongTheNamedClasses() {
        List<String> classes = List.of("Date", "City", "Expression", "Abbreviation expanded", "Abbreviation");
        assertThat(Metric.CLASSIFICATION.score("Type: City", List.of("City"), classes))
                .isEqualTo(1);
        assertThat(Metric.CLASSIFICATION.score("City or Date", List.of("City"), classes))
                .isEqualTo(0.5);
        assertThat(Metric.CLASSIFICATION.score("Date", List.of("City"), classes))
                .isZero();
        assertThat(Metric.CLASSIFICATION.score("Abbreviation expanded", List.of("Abbreviation expanded"), classes))
                .as("a name inside the right one does not count")
                .isEqualTo(1);
    }

    @Test
    void retrievalAndCountLookAtNumbers() {
        assertThat(Metric.RETRIEVAL.score("Paragraph 12", List.of("Paragraph 12"), List.of()))
                .isEqualTo(1);
        assertThat(Metric.RETRIEVAL.score("Paragraph 1 or 12", List.of("Paragraph 12"), List.of()))
                .isEqualTo(0.5);
        assertThat(Metric.RETRIEVAL_ZH.score("段落7", List.of("段落7"), List.of())).isEqualTo(1);
        assertThat(Metric.COUNT.score("There are 3 of 4", List.of("4"), List.of()))
                .isEqualTo(0.5);
        assertThat(Metric.COUNT.score("none", List.of("4"), List.of())).isZero();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Metric.RETRIEVAL.score("1", List.of("twelve"), List.of()))
                .withMessageContaining("twelve")
                .withMessageContaining("Paragraph N");
    }

    @ParameterizedTest
    @EnumSource(Metric.class)
    void everyMetricIsFoundByItsLabel(Metric metric) {
        assertThat(Metric.of(metric.label())).isSameAs(metric);
    }

    @Test
    void anUnknownMetricIsRefusedWithThoseThereAre() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Metric.of("bleu"))
                .withMessageContaining("bleu")
                .withMessageContaining("rouge-l-zh");
    }
}
