/**
 * What an operator sees of the engine through Spring Boot Actuator: the endpoint {@code sliminfer}, health and info. Never any text of a
 * prompt or an answer. Start at {@link io.sliminfer.spring.actuate.SlimInferEndpoint}. Needs spring-boot-actuator.
 */
@NullMarked
package io.sliminfer.spring.actuate;

import org.jspecify.annotations.NullMarked;
