package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerFilesTests {

    @TempDir
    Path folder;

    @Test
    void aFolderWithoutFilesHasNothing() {
        assertThat(TokenizerFiles.read(folder)).isEqualTo(new TokenizerFiles(Map.of(), Map.of()));
    }

    @Test
    void aListOfTemplatesKeepsTheirNames() throws IOException {
        write(
                "tokenizer_config.json",
                "{\"chat_template\":[{\"name\":\"default\",\"template\":\"d\"},{\"name\":\"tool_use\",\"template\":\"t\"}]}");
        assertThat(TokenizerFiles.read(folder).chatTemplates()).isEqualTo(Map.of("default", "d", "tool_use", "t"));
    }

    @Test
    void templateFilesWinOverTheField() throws IOException {
        write("tokenizer_config.json", "{\"chat_template\":[{\"name\":\"rag\",\"template\":\"r\"}]}");
        write("chat_template.jinja", "from é file\r\nline\n");
        assertThat(TokenizerFiles.read(folder).chatTemplates()).isEqualTo(Map.of("default", "from é file\nline\n"));
        write("additional_chat_templates/tool_use.jinja", "t");
        assertThat(TokenizerFiles.read(folder).chatTemplates())
                .isEqualTo(Map.of("default", "from é file\nline\n", "tool_use", "t"));
    }

    @Test
    void theOlderTokenFileCountsOnlyWithoutAddedTokens() throws IOException {
        write("special_tokens_map.json", "{\"bos_token\":{\"content\":\"<b>\"},\"unk_token\":\"<u>\"}");
        assertThat(TokenizerFiles.read(folder).specialTokens())
                .isEqualTo(Map.of("bos_token", "<b>", "unk_token", "<u>"));
        write("tokenizer_config.json", "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}");
        assertThat(TokenizerFiles.read(folder).specialTokens())
                .isEqualTo(Map.of("bos_token", "<b>", "eos_token", "</s>", "unk_token", "<u>"));
        write("tokenizer_config.json", "{\"bos_token\":\"<s>\",\"added_tokens_decoder\":{}}");
        assertThat(TokenizerFiles.read(folder).specialTokens()).isEqualTo(Map.of("bos_token", "<s>"));
    }

    @Test
    void wrongFormsAreRefused() throws IOException {
        write("tokenizer_config.json", "{\"chat_template\":7}");
        assertRefused(
                "tokenizer_config.json: chat_template is 7; a string, or a list of {name, template}, is expected.");
        write("tokenizer_config.json", "{\"chat_template\":[\"x\"]}");
        assertRefused(
                "tokenizer_config.json: chat_template is [\"x\"]; a string, or a list of {name, template}, is expected.");
        write("tokenizer_config.json", "{\"bos_token\":7}");
        assertRefused(
                "tokenizer_config.json: bos_token is 7; a string, or an object with a string content, is expected.");
        Files.write(folder.resolve("chat_template.jinja"), "é".getBytes(StandardCharsets.ISO_8859_1));
        assertRefused("chat_template.jinja: is not UTF-8.");
    }

    private void assertRefused(String message) {
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> TokenizerFiles.read(folder))
                .withMessage(message);
    }

    private void write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
