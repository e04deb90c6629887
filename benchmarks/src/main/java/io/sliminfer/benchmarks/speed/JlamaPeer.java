package io.sliminfer.benchmarks.speed;

import java.io.File;
import java.lang.reflect.Method;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The JVM that Jlama is measured in, float32 with int8 as its working type of products. Jlama is called by reflection: its classes need a newer Java than
 * this project, and its libraries must not mix with this program's. So nothing but the JDK is used here, and Jlama's class path
 * comes first.
 */
final class JlamaPeer {

    /** What Jlama's classes are compiled for. */
    private static final int JAVA_MIN = 20;

    private static final String PACKAGE = "com.github.tjake.jlama.";

    private final Object model;
    private final Method generate;
    private final Method prompt;
    private final PeerRequest request;

    private JlamaPeer(PeerRequest request) throws ReflectiveOperationException {
        this.request = request;
        requireJava();
        requireNatives();
        Class<?> dtype = Class.forName(PACKAGE + "safetensors.DType");
        Class<?> promptType = Class.forName(PACKAGE + "safetensors.prompt.PromptContext");
        // Without a working directory the KV cache stays in memory.
        model = Class.forName(PACKAGE + "model.ModelSupport")
                .getMethod("loadModel", File.class, File.class, dtype, dtype, Optional.class, Optional.class)
                .invoke(
                        null,
                        request.model().toFile(),
                        null,
                        dtype.getField("F32").get(null),
                        dtype.getField("I8").get(null),
                        Optional.empty(),
                        Optional.of(request.threads()));
        prompt = promptType.getMethod("of", String.class);
        generate = Class.forName(PACKAGE + "model.AbstractModel")
                .getMethod("generate", UUID.class, promptType, float.class, int.class, BiConsumer.class);
    }

    /** Arguments: {@link PeerRequest}. */
    public static void main(String[] args) {
        PeerMain.run(args, request -> {
            JlamaPeer peer = new JlamaPeer(request);
            PeerMain.ready();
            if (request.warmUp() > 0) {
                peer.measure(request.warmUp());
            }
            return peer.measure(request.promptTokens());
        });
    }

    private static void requireJava() {
        int version = Runtime.version().feature();
        if (version < JAVA_MIN) {
            throw new IllegalStateException("Jlama needs Java " + JAVA_MIN + " or newer and this is Java " + version
                    + "; name another java with --jlama-java");
        }
    }

    /** Without its native part Jlama runs on, several times slower: that would be no fair peer. */
    private static void requireNatives() throws ReflectiveOperationException {
        Object operations = Class.forName(PACKAGE + "tensor.operations.TensorOperationsProvider")
                .getMethod("get")
                .invoke(null);
        String name = String.valueOf(Class.forName(PACKAGE + "tensor.operations.TensorOperations")
                .getMethod("name")
                .invoke(operations));
        if (!name.startsWith("Native")) {
            throw new IllegalStateException("Jlama's native part could not be loaded, it would use " + name
                    + "; is jlama-native with this system's classifier in --jlama-classpath?");
        }
    }

    private String measure(int length) throws ReflectiveOperationException {
        // Jlama puts a begin-of-sequence token before the text.
        Object context = prompt.invoke(null, request.text(length - 1));
        Times times = new Times();
        long start = System.nanoTime();
        // Its limit is one of positions; the last token takes none.
        @Nullable
        Object response = generate.invoke(model, UUID.randomUUID(), context, 0f, length + request.tokens() - 1, times);
        if (response == null || times.tokens == 0) {
            throw new IllegalStateException("Jlama gave no token for a prompt of " + length);
        }
        int promptTokens = 1 + response.getClass().getField("promptTokens").getInt(response);
        return PeerResult.line(promptTokens, times.tokens, (times.first - start) * 1e-9, (times.last - start) * 1e-9);
    }

    private static final class Times implements BiConsumer<String, Float> {
        private int tokens;
        private long first;
        private long last;

        @Override
        public void accept(String text, Float millisPerToken) {
            last = System.nanoTime();
            first = tokens++ == 0 ? last : first;
        }
    }
}
