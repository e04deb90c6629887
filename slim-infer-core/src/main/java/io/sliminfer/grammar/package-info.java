/**
 * What an answer may look like, enforced token by token: grammars over bytes, compiled to a pushdown automaton, and for each state
 * the tokens of a vocabulary that may follow. Start at {@link io.sliminfer.grammar.Grammar} and
 * {@link io.sliminfer.grammar.TokenGrammar}. Imports nothing else of this project.
 */
@NullMarked
package io.sliminfer.grammar;

import org.jspecify.annotations.NullMarked;
