package io.sliminfer.model;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.Weight;

/**
 * Weights of one layer.
 *
 * @param qkv    q above k above v
 * @param gateUp gate above up
 */
record LayerWeights(
        Weight attentionNorm,
        Weight qkv,
        HeadLayout heads,
        Weight output,
        Weight mlpNorm,
        Weight gateUp,
        Weight down) {}
