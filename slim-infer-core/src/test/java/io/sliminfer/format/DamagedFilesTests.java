package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever happened to a file, opening its folder works or fails with a message: never with another exception. */
class DamagedFilesTests {

    private static final int ROUNDS = 400;
    private static final String JSON_CHARACTERS = "{}[]\",:-0123456789e.";

    @TempDir
    Path temp;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "config.json",
                "generation_config.json",
                "tokenizer_config.json",
                "model.safetensors.index.json",
                "model-00001-of-00002.safetensors"
            })
    void aDamagedFileIsReadOrRefused(String name) throws IOException {
        Path folder = new ModelFolderWriter("qwen3")
                .config("rope_scaling", "{\"type\":\"yarn\",\"factor\":4.0}")
                .file("generation_config.json", "{\"temperature\":0.6,\"top_k\":20,\"eos_token_id\":[3,2]}")
                .file("tokenizer_config.json", "{\"chat_template\":\"x\",\"bos_token\":{\"content\":\"<s>\"}}")
                .shards(2)
                .write(temp);
        byte[] whole = Files.readAllBytes(folder.resolve(name));
        // Damage the JSON, not the values of weights, which may be anything.
        int json = name.endsWith(".safetensors") ? 8 + (whole[0] & 0xff) + ((whole[1] & 0xff) << 8) : whole.length;
        long seed = name.hashCode();
        Random random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Files.write(folder.resolve(name), damage(whole, json, random));
            try (ModelFolder model = ModelFolder.open(folder)) {
                assertThat(model.parameters()).isPositive();
            } catch (ModelFormatException e) {
                assertThat(e).hasMessageContaining(".");
                refused++;
            } catch (RuntimeException e) {
                fail("seed " + seed + ", round " + round + " of " + name, e);
            }
        }
        assertThat(refused).isGreaterThan(ROUNDS / 4);
    }

    private static byte[] damage(byte[] whole, int json, Random random) {
        byte[] bytes = whole.clone();
        switch (random.nextInt(4)) {
            case 0 -> bytes[random.nextInt(json)] = (byte) random.nextInt(256);
            case 1 ->
                bytes[random.nextInt(json)] = (byte) JSON_CHARACTERS.charAt(random.nextInt(JSON_CHARACTERS.length()));
            case 2 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            default -> {
                int from = random.nextInt(json);
                int length = Math.min(random.nextInt(12), json - from);
                System.arraycopy(whole, random.nextInt(json - length), bytes, from, length);
            }
        }
        return bytes;
    }
}
