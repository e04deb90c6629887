package io.sliminfer.chat.tools;

/**
 * A model's wish that a tool be called.
 *
 * @param id        names the call when its result is sent back: the model's own, or 9 letters and digits
 * @param name      of the tool; as the model wrote it, so it may be none of the request's
 * @param arguments a JSON object as the model wrote it, not checked against the tool's schema
 */
public record ToolCall(String id, String name, String arguments) {}
