/**
 * A Spring Boot application that makes a record of free text: {@link io.sliminfer.samples.structured.Order} is what the answer must be,
 * {@link io.sliminfer.samples.structured.StructuredOutputApplication} asks for it.
 */
@NullMarked
package io.sliminfer.samples.structured;

import org.jspecify.annotations.NullMarked;
