package io.sliminfer.format;

import java.util.function.Supplier;

/**
 * A {@code tokenizer.json}, or what another format says of a tokenizer in its form.
 *
 * @param name what messages call it: its path
 * @param json reads or makes the document; throws {@link ModelFormatException} if that fails
 */
public record TokenizerJson(String name, Supplier<String> json) {}
