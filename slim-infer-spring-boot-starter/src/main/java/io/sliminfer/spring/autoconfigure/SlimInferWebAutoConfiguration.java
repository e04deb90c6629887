package io.sliminfer.spring.autoconfigure;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.spring.web.EngineExceptionAdvice;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.ProblemDetail;

/** Answers of a web application to requests that its engine refuses. */
@AutoConfiguration(after = SlimInferAutoConfiguration.class)
@ConditionalOnWebApplication
@ConditionalOnClass(ProblemDetail.class)
@ConditionalOnBean(ChatEngine.class)
public class SlimInferWebAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean
    EngineExceptionAdvice slimInferExceptionAdvice() {
        return new EngineExceptionAdvice();
    }
}
