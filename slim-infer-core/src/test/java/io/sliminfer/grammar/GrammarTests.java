package io.sliminfer.grammar;

import static io.sliminfer.grammar.Expression.call;
import static io.sliminfer.grammar.Expression.choice;
import static io.sliminfer.grammar.Expression.literal;
import static io.sliminfer.grammar.Expression.optional;
import static io.sliminfer.grammar.Expression.range;
import static io.sliminfer.grammar.Expression.repeat;
import static io.sliminfer.grammar.Expression.sequence;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.grammar.Grammar.Match;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GrammarTests {

    /** Balanced brackets. */
    private static Grammar brackets(int depth) {
        Grammar.Builder builder = Grammar.builder();
        Grammar.Rule brackets = builder.rule("brackets");
        builder.define(brackets, sequence(literal("("), repeat(call(brackets)), literal(")")));
        return builder.build(brackets, depth);
    }

    @Test
    void rulesNestUpToTheLimit() {
        Grammar grammar = brackets(3);
        assertThat(grammar.match("(()(()))")).isEqualTo(Match.COMPLETE);
        assertThat(grammar.match("((((")).isEqualTo(Match.PREFIX);
        assertThat(grammar.match("(((((")).isEqualTo(Match.NONE);
        assertThat(grammar.match("())")).isEqualTo(Match.NONE);
    }

    @Test
    void alternativesThatBeginAlikeAreAllFollowed() {
        Grammar.Builder builder = Grammar.builder();
        Grammar.Rule a = builder.rule("a");
        Grammar.Rule b = builder.rule("b");
        Grammar.Rule start = builder.rule("start");
        builder.define(a, sequence(literal("x"), optional(call(a)), literal("1")));
        builder.define(b, sequence(literal("x"), optional(call(b)), literal("2")));
        builder.define(start, choice(call(a), call(b)));
        Grammar grammar = builder.build(start, 20);
        assertThat(grammar.match("xxx111")).isEqualTo(Match.COMPLETE);
        assertThat(grammar.match("xx22")).isEqualTo(Match.COMPLETE);
        assertThat(grammar.match("xx12")).isEqualTo(Match.NONE);
    }

    @Test
    void whatCouldNotBeFinishedIsNotBegun() {
        Grammar.Builder builder = Grammar.builder();
        Grammar.Rule tree = builder.rule("tree");
        Grammar.Rule middle = builder.rule("middle");
        builder.define(middle, sequence(literal("["), call(tree), literal("]")));
        builder.define(tree, choice(literal("."), sequence(literal("<"), call(middle), literal(">"))));
        Grammar grammar = builder.build(tree, 3);
        // A tree within a tree takes two levels, and one is left.
        assertThat(grammar.match("<[<")).isEqualTo(Match.NONE);
        assertThat(grammar.match("<[.]>")).isEqualTo(Match.COMPLETE);
    }

    @Test
    void namesRulesThatCannotWork() {
        Grammar.Builder left = Grammar.builder();
        Grammar.Rule list = left.rule("list");
        left.define(list, choice(sequence(call(list), literal("x")), literal("x")));
        assertThatThrownBy(() -> left.build(list, 5))
                .isInstanceOf(GrammarException.class)
                .hasMessage("rule list may call itself before it takes a byte");

        Grammar.Builder endless = Grammar.builder();
        Grammar.Rule loop = endless.rule("loop");
        endless.define(loop, sequence(literal("x"), call(loop)));
        assertThatThrownBy(() -> endless.build(loop, 5)).hasMessageContaining("nothing can be derived from loop");

        Grammar.Builder open = Grammar.builder();
        assertThatThrownBy(() -> open.build(open.rule("open"), 5)).hasMessage("rule open is not defined");
    }

    @Test
    void refusesWhatIsTooLarge() {
        assertThatThrownBy(() -> Grammar.of(repeat(repeat(range('a', 'b'), 0, 1000), 0, 1000)))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("answer is too large");
        Expression doubling = sequence(repeat(range('a', 'b')), literal("a"), repeat(range('a', 'b'), 30, 30));
        assertThatThrownBy(() -> Grammar.of(doubling))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("answer is too large");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 200, 100_000})
    void countsWithoutStates(int max) {
        Grammar.Builder builder = Grammar.builder();
        Grammar.Rule counted = builder.rule("counted");
        builder.defineCounted(counted, choice(literal("a"), literal("é")), Math.min(2, max), max, '.');
        Grammar grammar = builder.build(counted, 0);
        assertThat(grammar.match("é".repeat(max) + ".")).isEqualTo(Match.COMPLETE);
        assertThat(grammar.match("a".repeat(max + 1))).isEqualTo(Match.NONE);
        assertThat(grammar.match("a.")).isEqualTo(max == 1 ? Match.COMPLETE : Match.NONE);
    }

    /** Masks near the limits of a counted string come another way than single checks do; the walk compares them. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void masksOfCountedRulesAgreeWithSingleTokens(long seed) {
        Random random = new Random(seed);
        TokenVocabulary vocabulary = RandomVocabulary.of(random, 900);
        for (int i = 0; i < 10; i++) {
            int min = random.nextInt(4);
            int max = min + random.nextInt(40);
            Grammar.Builder builder = Grammar.builder();
            Grammar.Rule counted = builder.rule("counted");
            Expression character = choice(range('a', 'z'), literal("é"), literal("😀"), literal("-"));
            builder.defineCounted(counted, character, min, max, '"');
            Grammar.Rule start = builder.rule("start");
            builder.define(
                    start,
                    sequence(literal("\""), call(counted), literal(","), optional(literal(" ")), literal("\"b\"")));
            Grammar grammar = builder.build(start, 0);
            String text = GrammarWalk.random(new TokenGrammar(grammar, vocabulary), vocabulary, random);
            assertThat(grammar.match(text)).isEqualTo(Match.COMPLETE);
        }
    }

    @Test
    void aPrefixMayBePutBefore() {
        Grammar grammar = brackets(5).after(literal("call: "));
        assertThat(grammar.match("call: (())")).isEqualTo(Match.COMPLETE);
        assertThat(grammar.match("(())")).isEqualTo(Match.NONE);
    }
}
