package io.sliminfer.benchmarks.quality.ruler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.benchmarks.quality.EvalCase;
import io.sliminfer.benchmarks.quality.PromptTokens;
import io.sliminfer.benchmarks.quality.TinyModel;
import io.sliminfer.benchmarks.quality.Turn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RulerTasksTests {

    private static final int BLOCK = 64;
    private static final int LENGTH = 1536;

    private static PromptTokens tokens;

    @BeforeAll
    static void open() {
        tokens = PromptTokens.open(TinyModel.folder());
    }

    @AfterAll
    static void close() {
        tokens.close();
    }

    private static EvalCase generate(RulerTask task, Style style, QuestionPlace question, Placement place, long seed) {
        return new RulerTasks(tokens, style, question, List.of(), BLOCK).generateOne(task, LENGTH, 0, seed, place);
    }

    private static EvalCase generate(RulerTask task, Style style) {
        return generate(task, style, QuestionPlace.AFTER, new Placement.Spread(), 1);
    }

    private static EvalCase place(Placement place) {
        return generate(RulerTask.NIAH_SINGLE_2, Style.TINY, QuestionPlace.AFTER, place, 5);
    }

    private static String document(EvalCase asked) {
        return asked.messages().get(0).content();
    }

    private static int firstNeedleToken(EvalCase asked) {
        return (Integer) ((List<?>) asked.notes().get("needleTokens")).get(0);
    }

    private static int endOfNeedle(EvalCase asked) {
        return (Integer) ((List<?>) asked.notes().get("needleTokens")).get(1);
    }

    static Stream<Arguments> tasksAndStyles() {
        return Arrays.stream(RulerTask.values())
                .flatMap(task -> Arrays.stream(Style.values()).map(style -> Arguments.of(task, style)));
    }

    @ParameterizedTest
    @MethodSource("tasksAndStyles")
    void theSameSeedGivesTheSameCaseAndAnotherOneAnother(RulerTask task, Style style) {
        EvalCase first = generate(task, style);

        assertThat(generate(task, style)).isEqualTo(first);
        assertThat(document(generate(task, style, QuestionPlace.AFTER, new Placement.Spread(), 2)))
                .isNotEqualTo(document(first));
    }

    @ParameterizedTest
    @MethodSource("tasksAndStyles")
    void promptAndAnswerFillTheLengthAndNeverPassIt(RulerTask task, Style style) {
        EvalCase asked = generate(task, style);

        int used = tokens.count(asked.messages()) + asked.maxTokens();

        // A unit of filler is a sentence, a word three times, another needle, or a passage.
        int unit = task == RulerTask.QA || task == RulerTask.NIAH_MULTIKEY_3 ? 150 : 60;
        assertThat(used).isLessThanOrEqualTo(LENGTH).isGreaterThan(LENGTH - unit);
    }

    @ParameterizedTest
    @MethodSource("tasksAndStyles")
    void whatIsExpectedIsInTheTextUnlessTheQuestionCannotBeAnswered(RulerTask task, Style style) {
        EvalCase asked = generate(task, style);

        if (task == RulerTask.UNANSWERABLE) {
            assertThat(document(asked)).doesNotContain("does not say.");
        } else {
            assertThat(asked.expected()).isNotEmpty().allSatisfy(expected -> assertThat(document(asked))
                    .contains(expected));
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 2.5, 25, 50, 77, 100})
    void theNeedleStandsAtTheDepthThatIsAskedFor(double percent) {
        EvalCase asked = place(new Placement.Depth(percent));

        int middleOfNeedle = (firstNeedleToken(asked) + endOfNeedle(asked)) / 2;
        assertThat(100.0 * middleOfNeedle / tokens.count(asked.messages())).isCloseTo(percent, within(4.0));
        assertThat((Double) asked.notes().get("depth")).isCloseTo(percent, within(1.0));
    }

    @Test
    void theNeedlesTokensAreThoseOfTheNeedle() {
        EvalCase asked = place(new Placement.Depth(40));

        String upToNeedle = document(asked)
                .substring(0, document(asked).indexOf(asked.expected().get(0)) + 8);
        int tokensUpToNeedle = tokens.count(List.of(Turn.user(upToNeedle))) - tokens.count(List.of(Turn.user("")));
        // The template's start lies before the message too; its end does not.
        assertThat(endOfNeedle(asked) - tokensUpToNeedle).isBetween(0, 6);
        assertThat(endOfNeedle(asked) - firstNeedleToken(asked)).isBetween(10, 40);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void aNeedleOnAnEdgeLiesInTwoBlocks(long seed) {
        EvalCase asked = generate(RulerTask.NIAH_SINGLE_2, Style.TINY, QuestionPlace.AFTER, new Placement.Edge(), seed);

        int edge = endOfNeedle(asked) / BLOCK * BLOCK;
        assertThat(edge - firstNeedleToken(asked)).isGreaterThanOrEqualTo(4);
        assertThat(endOfNeedle(asked) - edge).isGreaterThanOrEqualTo(4);
        assertThat(tokens.count(asked.messages()) + asked.maxTokens()).isLessThanOrEqualTo(LENGTH);
    }

    @Test
    void aNeedleInTheSinkIsAmongTheFirstTokensAndInTheWindowAmongTheLast() {
        EvalCase sink = place(new Placement.Sink());
        EvalCase window = place(new Placement.Window());

        assertThat(endOfNeedle(sink)).isLessThan(64);
        assertThat(firstNeedleToken(window)).isGreaterThanOrEqualTo(tokens.count(window.messages()) - 64);
    }

    @Test
    void theQuestionCanStandBeforeTheDocument() {
        for (Style style : Style.values()) {
            EvalCase asked =
                    generate(RulerTask.NIAH_SINGLE_2, style, QuestionPlace.BEFORE, new Placement.Depth(100), 1);

            assertThat(document(asked).indexOf("What is the special magic number"))
                    .isBetween(0, 20);
            assertThat(document(asked)).endsWith(asked.expected().get(0) + ".");
        }
    }

    @Test
    void aSecondTurnAsksForTheNeedleThatTheFirstDidNotNeed() {
        EvalCase asked = generate(RulerTask.SECOND_TURN, Style.TINY);

        assertThat(asked.messages()).extracting(Turn::role).containsExactly("user", "assistant", "user");
        String firstAnswer = asked.messages().get(1).content();
        assertThat(asked.expected()).hasSize(1).doesNotContain(firstAnswer);
        Matcher key = Pattern.compile("magic number for (\\S+) mentioned")
                .matcher(asked.messages().get(2).content());
        assertThat(key.find()).isTrue();
        assertThat(document(asked))
                .contains("number for " + key.group(1) + " is: "
                        + asked.expected().get(0) + ".")
                .contains(" is: " + firstAnswer + ".")
                .doesNotContain(key.group(1) + " mentioned");
    }

    @Test
    void ofFourKeysOneIsAskedForAndOnlyItsValueIsExpected() {
        EvalCase asked = generate(RulerTask.NIAH_MULTIKEY_1, Style.RULER);

        assertThat(document(asked).split("The special magic number for ")).hasSize(5);
        assertThat(asked.expected()).hasSize(1);
    }

    @Test
    void aVariableIsSetBeforeItIsCopied() {
        EvalCase asked = generate(RulerTask.VT, Style.RULER);

        int before = -1;
        for (int i = 0; i < asked.expected().size(); i++) {
            int at = document(asked).indexOf("VAR " + asked.expected().get(i) + " = ");
            assertThat(at).isGreaterThan(before);
            before = at;
        }
        assertThat(asked.expected()).hasSize(5);
    }

    @ParameterizedTest
    @EnumSource(
            value = RulerTask.class,
            names = {"CWE", "FWE"})
    void theExpectedWordsAreTheMostCommonOnes(RulerTask task) {
        for (Style style : Style.values()) {
            EvalCase asked = generate(task, style);

            List<String> list = List.of(document(asked)
                    .split("\n")[style == Style.TINY ? 0 : 1]
                    .replaceAll("[0-9]+\\. ", "")
                    .split(" "));
            Map<String, Long> counts = list.stream()
                    .filter(word -> !word.equals("..."))
                    .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
            List<String> ranked = counts.entrySet().stream()
                    .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                    .map(Map.Entry::getKey)
                    .toList();
            int expected = asked.expected().size();
            assertThat(ranked.subList(0, expected)).hasSameElementsAs(asked.expected());
            assertThat(counts.get(ranked.get(expected - 1)))
                    .as("%s stands out", style)
                    .isGreaterThan(counts.get(ranked.get(expected)));
        }
    }

    @Test
    void anUnanswerableQuestionAsksForWhatIsKnownOfOthersOnly() {
        EvalCase asked = generate(RulerTask.UNANSWERABLE, Style.TINY);

        Matcher question =
                Pattern.compile("Question: What is the (.+) of (.+)\\?").matcher(document(asked));
        assertThat(question.find()).isTrue();
        List<String> facts =
                document(asked).substring(0, question.start()).lines().toList();
        assertThat(facts).anyMatch(fact -> fact.contains(question.group(1)));
        assertThat(facts)
                .anyMatch(fact -> fact.toLowerCase().contains(question.group(2).toLowerCase()));
        assertThat(facts)
                .noneMatch(fact -> fact.contains(question.group(1))
                        && fact.toLowerCase().contains(question.group(2).toLowerCase()));
    }

    @Test
    void passagesOfTheUserAreAskedAboutWithTheirOwnQuestion(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("passages.jsonl");
        Files.writeString(
                file,
                """
                {"text": "The mill stands in Arden.", "question": "Where does the mill stand?", "answers": ["Arden"]}
                {"text": "The bridge is old."}
                """);

        EvalCase asked = new RulerTasks(tokens, Style.RULER, QuestionPlace.AFTER, Passage.read(file), BLOCK)
                .generateOne(RulerTask.QA, LENGTH, 0, 1, new Placement.Spread());

        assertThat(document(asked))
                .contains("The mill stands in Arden.")
                .contains("The bridge is old.")
                .endsWith("Where does the mill stand?");
        assertThat(asked.expected()).containsExactly("Arden");
        assertThat(asked.notes()).containsEntry("passages", 2);
    }

    @Test
    void passagesWithoutAnyQuestionAreRefused(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("passages.jsonl");
        Files.writeString(file, "{\"text\": \"The bridge is old.\"}\n");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> Passage.read(file))
                .withMessageContaining("passages.jsonl")
                .withMessageContaining("no passage with a question");
    }

    @Test
    void aLengthThatHoldsNoPromptIsRefused() {
        RulerTasks tasks = new RulerTasks(tokens, Style.TINY, QuestionPlace.AFTER, List.of(), BLOCK);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> tasks.generateOne(RulerTask.NIAH_SINGLE_1, 80, 0, 1, new Placement.Spread()))
                .withMessageContaining("niah_single_1")
                .withMessageContaining("longer --lengths");
    }

    @Test
    void aPlaceForATaskWithoutNeedlesIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> generate(RulerTask.CWE, Style.TINY, QuestionPlace.AFTER, new Placement.Sink(), 1))
                .withMessageContaining("cwe")
                .withMessageContaining("sink");
    }

    @Test
    void tasksAreFoundByNameAndByGroup() {
        assertThat(RulerTask.parse(List.of("niah_single_3", "vt")))
                .containsExactly(RulerTask.NIAH_SINGLE_3, RulerTask.VT);
        assertThat(RulerTask.parse(List.of("ruler"))).hasSize(12).doesNotContain(RulerTask.TWO_NEEDLES);
        assertThat(RulerTask.parse(List.of("all", "vt"))).containsExactly(RulerTask.values());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RulerTask.parse(List.of("needle")))
                .withMessageContaining("\"needle\"")
                .withMessageContaining("niah_single_1");
    }

    @Test
    void aPlaceIsAWordOrADepth() {
        assertThat(Placement.parse("edge")).isEqualTo(new Placement.Edge());
        assertThat(Placement.parse("12.5")).isEqualTo(new Placement.Depth(12.5));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Placement.parse("middle"))
                .withMessageContaining("middle")
                .withMessageContaining("window");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Placement.parse("101"))
                .withMessageContaining("0 to 100");
    }
}
