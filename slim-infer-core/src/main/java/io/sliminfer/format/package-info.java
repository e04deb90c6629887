/**
 * Model folders as published on Hugging Face: configuration, tensors, tokenizer and template files. Everything read here is
 * untrusted input and is checked before it is used. Start at {@link io.sliminfer.format.ModelFolder}. Of this project it
 * imports {@code prune} alone.
 */
@NullMarked
package io.sliminfer.format;

import org.jspecify.annotations.NullMarked;
