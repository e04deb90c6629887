/**
 * Models of the Hugging Face Hub, in the cache folder that huggingface_hub and its relatives use. Start at {@link
 * io.sliminfer.hub.ModelHub}. What a server says (names, sizes, checksums, redirects) is untrusted input.
 */
@NullMarked
package io.sliminfer.hub;

import org.jspecify.annotations.NullMarked;
