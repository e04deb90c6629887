package io.sliminfer.engine;

/**
 * What is known of a request when it is queued.
 *
 * @param id           number of the request, counted from 1 in each engine
 * @param promptTokens tokens of its prompt
 * @param maxTokens    most tokens that it generates, after the model's positions have bounded it
 * @param pruned       whether its prefill drops tokens
 */
public record RequestInfo(long id, int promptTokens, int maxTokens, boolean pruned) {}
