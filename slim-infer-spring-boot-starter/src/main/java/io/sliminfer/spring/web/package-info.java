/**
 * What a web client is told when the engine refuses its request. Start at {@link io.sliminfer.spring.web.EngineExceptionAdvice}. Needs
 * spring-web.
 */
@NullMarked
package io.sliminfer.spring.web;

import org.jspecify.annotations.NullMarked;
