package io.sliminfer.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubSettingsTests {

    @TempDir
    private Path home;

    private HubSettings of(String... environment) {
        Map<String, String> variables = new java.util.HashMap<>();
        for (String variable : environment) {
            variables.put(variable.split("=", 2)[0], variable.split("=", 2)[1]);
        }
        return HubSettings.of(null, null, null, null, variables, home);
    }

    private Path tokenFile(String folder, String token) throws IOException {
        Path file = home.resolve(folder).resolve("token");
        Files.createDirectories(file.getParent());
        return Files.writeString(file, token);
    }

    @Test
    void defaultsAreThoseOfTheHubsTools() {
        assertThat(of())
                .isEqualTo(new HubSettings(
                        URI.create("https://huggingface.co"), null, home.resolve(".cache/huggingface/hub"), false));
    }

    @Test
    void readsTheVariablesOfTheHubsTools() {
        assertThat(of("HF_ENDPOINT=http://mirror.example/hf/").endpoint())
                .isEqualTo(URI.create("http://mirror.example/hf"));
        assertThat(of("HF_TOKEN= hf_x\n").token()).isEqualTo("hf_x");
        assertThat(of("HUGGING_FACE_HUB_TOKEN=hf_old").token()).isEqualTo("hf_old");
        assertThat(of("XDG_CACHE_HOME=/c").cache()).isEqualTo(Path.of("/c/huggingface/hub"));
        assertThat(of("XDG_CACHE_HOME=/c", "HF_HOME=/h").cache()).isEqualTo(Path.of("/h/hub"));
        assertThat(of("HF_HOME=~/hf").cache()).isEqualTo(home.resolve("hf/hub"));
        assertThat(of("HF_HOME=/h", "HF_HUB_CACHE=/k").cache()).isEqualTo(Path.of("/k"));
        assertThat(of("HUGGINGFACE_HUB_CACHE=/old").cache()).isEqualTo(Path.of("/old"));
        assertThat(of("HF_HUB_OFFLINE=1").offline()).isTrue();
        assertThat(of("HF_HUB_OFFLINE=true").offline()).isTrue();
        assertThat(of("TRANSFORMERS_OFFLINE=YES").offline()).isTrue();
        assertThat(of("HF_HUB_OFFLINE=0", "HF_ENDPOINT=", "HF_HOME=", "HF_TOKEN="))
                .isEqualTo(of());
    }

    @Test
    void readsTheTokenFile() throws IOException {
        tokenFile(".cache/huggingface", "hf_file\n");
        Path other = tokenFile("other", "hf_other");

        assertThat(of().token()).isEqualTo("hf_file");
        assertThat(of("HF_TOKEN=hf_x").token()).isEqualTo("hf_x");
        assertThat(of("HF_HOME=" + home.resolve("other")).token()).isEqualTo("hf_other");
        assertThat(of("HF_TOKEN_PATH=" + other).token()).isEqualTo("hf_other");
        assertThat(of("HF_HUB_DISABLE_IMPLICIT_TOKEN=1", "HF_TOKEN=hf_x").token())
                .isNull();
    }

    @Test
    void propertiesWin() throws IOException {
        tokenFile(".cache/huggingface", "hf_file");
        Map<String, String> variables = Map.of(
                "HF_ENDPOINT", "https://a.example", "HF_TOKEN", "hf_x", "HF_HUB_CACHE", "/k", "HF_HUB_OFFLINE", "1");

        assertThat(HubSettings.of("https://b.example", "hf_y", Path.of("/p"), false, variables, home))
                .isEqualTo(new HubSettings(URI.create("https://b.example"), "hf_y", Path.of("/p"), false));
        assertThat(HubSettings.of(null, "", null, null, variables, home).token())
                .isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"ftp://x", "huggingface.co", "https://", "https://user:secret@x", "https://x?a=secret", "::"})
    void refusesOtherEndpoints(String endpoint) {
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> HubSettings.of(endpoint, null, null, null, Map.of(), home))
                .withMessage(
                        "slim-infer.hub.endpoint is not the address of a hub."
                                + " Use an http or https URL without user, password and query, such as https://huggingface.co.");
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> of("HF_ENDPOINT=" + endpoint))
                .withMessageStartingWith("HF_ENDPOINT is not the address of a hub.");
    }

    @Test
    void showsNoToken() throws IOException {
        assertThat(of("HF_TOKEN=hf_secret").toString()).contains("token=set").doesNotContain("hf_secret");
        Path file = tokenFile(".cache/huggingface", "two secret words");
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(this::of)
                .withMessage("The token file " + file
                        + " holds characters that no token has. Copy the token anew, or remove it.");
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> HubSettings.of(null, "hf_\u00e4", null, null, Map.of(), home))
                .withMessageStartingWith("slim-infer.hub.token holds characters that no token has.");
    }
}
