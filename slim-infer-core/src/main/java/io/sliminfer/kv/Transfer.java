package io.sliminfer.kv;

import io.sliminfer.backend.Fence;
import java.util.List;

/**
 * Blocks of one request on their way together.
 *
 * @param toHost the direction
 */
record Transfer(KvSequence sequence, List<KvBlock> blocks, boolean toHost, Fence fence) {}
