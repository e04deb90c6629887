package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files with some bytes changed: either they open and can be read, or they are refused by a {@link ModelFormatException}, and nothing
 * takes more memory than the file and 64 MiB. {@code -Dgguf.fuzz=10000} runs more than the usual 1,000.
 */
class GgufFuzzTests {

    private static final int RUNS = Integer.getInteger("gguf.fuzz", 1000);
    private static final long SPARE_BYTES = 64 << 20;

    private static final long[] EXTREMES = {
        0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 32, 1L << 40, 0xFFFFFFFFL
    };

    @TempDir
    private Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"Q4_K", "Q8_0", "F16"})
    void aDamagedFileIsReadOrRefused(String type) throws IOException {
        byte[] good = model(type);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().getId();
        int refused = 0;
        // A third of the runs for each type.
        for (int run = 0; run < RUNS / 3 + 1; run++) {
            byte[] damaged = damage(good, new SplittableRandom(31 * run + type.hashCode()));
            Path file = Files.write(temp.resolve("x.gguf"), damaged);
            long before = threads.getThreadAllocatedBytes(thread);
            try {
                readAll(file);
            } catch (ModelFormatException e) {
                refused++;
                assertThat(e.getMessage()).as("run %d", run).isNotBlank();
            } catch (RuntimeException | Error e) {
                throw new AssertionError("run " + run + " of " + type, e);
            }
            assertThat(threads.getThreadAllocatedBytes(thread) - before)
                    .as("allocated in run %d", run)
                    .isLessThan(damaged.length + SPARE_BYTES);
        }
        assertThat(refused).isBetween(RUNS / 12, RUNS / 3);
    }

    /** All that the engine would read. */
    private static void readAll(Path file) {
        try (ModelFolder folder = ModelFolder.open(file)) {
            folder.tokenizer().ifPresent(tokenizer -> tokenizer.json().get());
            for (ExpectedTensor tensor : ExpectedTensor.of(folder.config())) {
                TensorSource source = folder.tensor(tensor.name());
                source.rows(0, Math.min(source.rows(), 4));
            }
        }
    }

    private byte[] model(String type) {
        Path folder = new ModelFolderWriter("llama")
                .config("hidden_size", "256")
                .config("intermediate_size", "256")
                .config("head_dim", "64")
                .config("num_hidden_layers", "1")
                .write(temp.resolve("model"));
        return GgufExport.builder(folder, GgufType.valueOf(type))
                .text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", "qwen2")
                .texts("tokenizer.ggml.tokens", List.of("a", "b", "ab", "<|im_end|>"))
                .numbers("tokenizer.ggml.token_type", List.of(1, 1, 1, 3))
                .texts("tokenizer.ggml.merges", List.of("a b"))
                .number("tokenizer.ggml.eos_token_id", 3)
                .text("tokenizer.chat_template", "{{ messages }}")
                .tensor("rope_freqs.weight", floats(32))
                .bytes();
    }

    private static float[] floats(int count) {
        float[] ones = new float[count];
        Arrays.fill(ones, 1);
        return ones;
    }

    /** Mostly in the header: bits, extreme numbers, bytes moved, or the end cut off. */
    private static byte[] damage(byte[] good, SplittableRandom random) {
        byte[] bytes = good.clone();
        int header = 2500;
        for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
            int at = random.nextInt(random.nextInt(10) == 0 ? bytes.length - 8 : header);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt();
                case 2 ->
                    ByteBuffer.wrap(bytes)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(at, EXTREMES[random.nextInt(EXTREMES.length)]);
                case 3 -> System.arraycopy(good, random.nextInt(header), bytes, at, 8);
                default -> {
                    if (random.nextInt(8) == 0) {
                        bytes = Arrays.copyOf(bytes, random.nextInt(16, bytes.length));
                        return bytes;
                    }
                    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(at, (int)
                            EXTREMES[random.nextInt(EXTREMES.length)]);
                }
            }
        }
        return bytes;
    }
}
