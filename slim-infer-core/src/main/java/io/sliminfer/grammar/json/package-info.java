/**
 * Grammars of JSON texts: any value, any object, or what a JSON Schema describes. Start at
 * {@link io.sliminfer.grammar.json.JsonGrammars}. May use {@code grammar}.
 */
@NullMarked
package io.sliminfer.grammar.json;

import org.jspecify.annotations.NullMarked;
