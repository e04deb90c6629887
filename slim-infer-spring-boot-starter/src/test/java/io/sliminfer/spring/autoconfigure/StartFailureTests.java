package io.sliminfer.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sliminfer.format.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What a person reads when an application does not start. */
@ExtendWith(OutputCaptureExtension.class)
class StartFailureTests {

    @TempDir
    private Path folder;

    @BeforeEach
    void writeModel() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{}");
    }

    @Test
    void saysThatNoModelIsSet(CapturedOutput output) {
        assertDoesNotStart(output);

        assertThat(output)
                .contains("slim-infer.model is not set, so there is no model to load.")
                .contains("Set slim-infer.model to a folder");
    }

    @Test
    void saysWhatIsWrongWithTheModelsFiles(CapturedOutput output) {
        assertDoesNotStart(output, "--slim-infer.model=" + folder);

        assertThat(output)
                .contains("The model cannot be loaded: config.json: no model_type")
                .contains("Complete or correct the folder that slim-infer.model names");
    }

    @Test
    void saysWhichValueIsNotAllowedAndWhereItComesFrom(CapturedOutput output) {
        assertDoesNotStart(output, "--slim-infer.model=" + folder, "--slim-infer.batch-max=0");

        assertThat(output)
                .contains("Invalid value '0' for configuration property 'slim-infer.batch-max'")
                .contains("use 1 to 1024");
    }

    @Test
    void saysWhichValuesAPropertyMayHave(CapturedOutput output) {
        assertDoesNotStart(output, "--slim-infer.model=" + folder, "--slim-infer.compute-type=int4");

        assertThat(output).contains("slim-infer.compute-type").contains("int4").containsIgnoringCase("bf16");
    }

    private static void assertDoesNotStart(CapturedOutput output, String... arguments) {
        SpringApplication application = new SpringApplication(Application.class);
        application.setBannerMode(Banner.Mode.OFF);
        application.setWebApplicationType(WebApplicationType.NONE);
        assertThatExceptionOfType(Exception.class).isThrownBy(() -> application.run(arguments));
        assertThat(output).contains("APPLICATION FAILED TO START");
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(SlimInferAutoConfiguration.class)
    static class Application {

        @Bean
        ChatEngineLoader loader() {
            return (path, settings, listener) -> {
                throw new ModelFormatException("config.json: no model_type");
            };
        }
    }
}
