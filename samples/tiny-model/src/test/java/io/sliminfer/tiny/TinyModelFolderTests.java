package io.sliminfer.tiny;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The model's files arrive whole in the jar: a filtered or truncated weight file would only show as strange answers. */
class TinyModelFolderTests {

    private static final ObjectMapper JSON = new ObjectMapper();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "config.json",
                "generation_config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "model.safetensors.index.json",
                "README.md",
                "FORMS.md"
            })
    void holdsTheFilesOfAPublishedModel(String file) throws IOException {
        assertThat(bytes(file)).isNotEmpty();
    }

    @Test
    void everyTensorOfTheIndexLiesInItsShard() throws IOException {
        JsonNode index = JSON.readTree(bytes("model.safetensors.index.json"));
        Set<String> indexed = new HashSet<>(index.get("weight_map").propertyNames());
        long totalBytes = 0;
        Set<String> stored = new HashSet<>();
        for (String shard : shards(index)) {
            byte[] content = bytes(shard);
            int headerBytes = Math.toIntExact(
                    ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong());
            JsonNode header = JSON.readTree(new String(content, 8, headerBytes, StandardCharsets.UTF_8));
            long dataBytes = 0;
            for (String tensor : tensors(header)) {
                assertThat(index.get("weight_map").get(tensor).asString())
                        .as(tensor)
                        .isEqualTo(shard);
                dataBytes = Math.max(
                        dataBytes, header.get(tensor).get("data_offsets").get(1).asLong());
                stored.add(tensor);
            }
            assertThat(content.length).as(shard).isEqualTo(8 + headerBytes + dataBytes);
            totalBytes += dataBytes;
        }
        assertThat(stored).isEqualTo(indexed);
        assertThat(totalBytes).isEqualTo(index.get("metadata").get("total_size").asLong());
    }

    private static List<String> tensors(JsonNode header) {
        List<String> names = new ArrayList<>(header.propertyNames());
        names.remove("__metadata__");
        return names;
    }

    private static Set<String> shards(JsonNode index) {
        Set<String> shards = new TreeSet<>();
        index.get("weight_map").forEach(shard -> shards.add(shard.asString()));
        return shards;
    }

    private static byte[] bytes(String file) throws IOException {
        try (InputStream in = TinyModelFolderTests.class.getResourceAsStream("/slim-infer-tiny/" + file)) {
            assertThat(in).as(file).isNotNull();
            return in.readAllBytes();
        }
    }
}
