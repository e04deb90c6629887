/**
 * Conditions, properties and wiring for Spring Boot. Start at
 * {@link io.sliminfer.spring.autoconfigure.SlimInferAutoConfiguration}; all properties are in
 * {@link io.sliminfer.spring.autoconfigure.SlimInferProperties}.
 */
@NullMarked
package io.sliminfer.spring.autoconfigure;

import org.jspecify.annotations.NullMarked;
