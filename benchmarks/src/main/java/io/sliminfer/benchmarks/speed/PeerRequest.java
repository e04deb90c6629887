package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.models.PeerModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * What a peer's JVM is to measure, as its command line. Uses nothing but the JDK: the class path of a peer is its own.
 *
 * @param characters   different characters in prompts
 * @param tokens       tokens to generate after the prompt
 * @param warmUp       tokens of a prompt that is run before and not counted; 0 for none
 * @param promptTokens of the prompt that counts
 */
record PeerRequest(Path model, int threads, int characters, int tokens, int warmUp, int promptTokens) {

    private static final long SEED = 11;

    List<String> toArguments() {
        return List.of(
                model.toString(),
                Integer.toString(threads),
                Integer.toString(characters),
                Integer.toString(tokens),
                Integer.toString(warmUp),
                Integer.toString(promptTokens));
    }

    static PeerRequest of(String[] arguments) {
        return new PeerRequest(
                Path.of(arguments[0]),
                Integer.parseInt(arguments[1]),
                Integer.parseInt(arguments[2]),
                Integer.parseInt(arguments[3]),
                Integer.parseInt(arguments[4]),
                Integer.parseInt(arguments[5]));
    }

    int promptMax() {
        return Math.max(warmUp, promptTokens);
    }

    /** Random text of so many characters. */
    String text(int count) {
        StringBuilder text = new StringBuilder();
        new Random(SEED).ints(count, 0, characters).forEach(i -> text.appendCodePoint(PeerModel.FIRST_CHARACTER + i));
        return text.toString();
    }
}
