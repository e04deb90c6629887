package io.sliminfer.kv;

import io.sliminfer.backend.Fence;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Blocks on their way together.
 *
 * @param sequence who wants it, or null for the prefix cache
 * @param toHost   the direction
 */
record Transfer(@Nullable KvSequence sequence, List<KvBlock> blocks, boolean toHost, Fence fence) {}
