/**
 * The part of Jinja2 that chat templates of published models use, interpreted without reflection and with limits on time and
 * memory. Strings remember which characters the template's author wrote ({@link io.sliminfer.text.jinja.Text}), so that text from
 * messages can be told from control tokens afterwards. Start at {@link io.sliminfer.text.jinja.Template}. Imports nothing else of
 * this project.
 */
@NullMarked
package io.sliminfer.text.jinja;

import org.jspecify.annotations.NullMarked;
